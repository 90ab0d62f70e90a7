-- The ledger, in a database file of its own: its writer never waits for the accounts' writer, and it can be moved
-- or pruned without touching accounts. Ids refer to the accounts' tables without foreign keys for that reason.

create table requests (
    id integer primary key,
    -- the 16 bytes of a UUID version 7; found through started_at, which its first 48 bits repeat
    request_id blob not null,
    started_at integer not null,
    user_id integer,
    key_id integer,
    backend_id integer,
    deployment_id integer,
    dialect text not null,
    request_model text not null,
    upstream_model text not null,
    stream integer not null,
    outcome text not null,
    status integer not null,
    input_tokens integer not null,
    cache_read_tokens integer not null,
    cache_write_5m_tokens integer not null,
    cache_write_1h_tokens integer not null,
    output_tokens integer not null,
    reasoning_tokens integer not null,
    usage_estimated integer not null,
    -- null: unpriced
    cost_nano integer,
    attempts integer not null,
    time_to_first_chunk_ms integer,
    duration_ms integer not null,
    error text
);
create index requests_by_time on requests (started_at);
create index requests_by_user on requests (user_id, started_at);

-- Requests that were let in and have not ended. What is left here at start was interrupted.
create table open_requests (
    request_id blob primary key,
    started_at integer not null,
    user_id integer,
    key_id integer,
    backend_id integer,
    deployment_id integer,
    dialect text not null,
    request_model text not null,
    upstream_model text not null,
    stream integer not null
) without rowid;

-- Sums per UTC hour, kept by the ledger's writer in the transaction that writes the rows.
-- 0 stands for "none" in the ids, since a null would not be unique.
create table rollups (
    hour integer not null,
    user_id integer not null,
    key_id integer not null,
    backend_id integer not null,
    request_model text not null,
    requests integer not null,
    errors integer not null,
    unpriced integer not null,
    input_tokens integer not null,
    cache_read_tokens integer not null,
    cache_write_5m_tokens integer not null,
    cache_write_1h_tokens integer not null,
    output_tokens integer not null,
    reasoning_tokens integer not null,
    cost_nano integer not null,
    primary key (hour, user_id, key_id, backend_id, request_model)
) without rowid;
-- For the sums of single users and keys. They cost an insert per new row of the hour and nothing when it grows.
create index rollups_by_user on rollups (user_id, hour);
create index rollups_by_key on rollups (key_id, hour);
