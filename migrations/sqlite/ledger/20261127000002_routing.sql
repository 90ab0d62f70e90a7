-- Which of the backend's API keys was used, counted from 0; null: it has one or none.
alter table requests add column credential integer;
-- How a request came to its deployment, as JSON, where there is more to say than who answered.
alter table requests add column route text;

-- Sums per UTC minute and backend, for the last month, kept as the rollups are. 0: no backend.
create table minutes (
    minute integer not null,
    backend_id integer not null,
    requests integer not null,
    errors integer not null,
    streams integer not null,
    duration_ms integer not null,
    -- sum over the requests that had a first chunk, and how many those were
    first_chunk_ms integer not null,
    first_chunks integer not null,
    -- cached ones included
    input_tokens integer not null,
    cached_tokens integer not null,
    output_tokens integer not null,
    cost_nano integer not null,
    -- when the first and the last request of the minute started
    first_at integer not null,
    last_at integer not null,
    primary key (minute, backend_id)
) without rowid;
