-- How long requests took, as counts per hour, whose they were and slot of time: what percentiles are read from.
-- Kept by the ledger's writer as the rollups are, for requests that were answered completely.

-- From how many milliseconds on a slot counts: four slots for each doubling. The same as in the code, which a test compares.
create table timing_slots (
    slot integer primary key,
    from_ms integer not null
);
insert into timing_slots (slot, from_ms)
with recursive slots (slot) as (select 0 union all select slot + 1 from slots where slot < 83)
select slot, case when slot < 4 then slot else (4 + slot % 4) << (slot / 4 - 1) end from slots;

-- 0 stands for "none" in the ids, as in the rollups.
create table timings (
    hour integer not null,
    user_id integer not null,
    key_id integer not null,
    backend_id integer not null,
    request_model text not null,
    slot integer not null,
    team_id integer not null,
    -- requests that took so long
    durations integer not null,
    -- requests whose first content took so long
    first_chunks integer not null,
    primary key (hour, user_id, key_id, backend_id, request_model, slot)
) without rowid;
create index timings_by_user on timings (user_id, hour);

insert into timings (hour, user_id, key_id, backend_id, request_model, slot, team_id, durations, first_chunks)
select hour, user_id, key_id, backend_id, request_model, slot, max(team_id), sum(durations), sum(first_chunks)
from (
    select started_at - started_at % 3600000 as hour, coalesce(user_id, 0) as user_id, coalesce(key_id, 0) as key_id,
        coalesce(backend_id, 0) as backend_id, request_model,
        (select max(slot) from timing_slots where from_ms <= max(duration_ms, 0)) as slot,
        coalesce(team_id, 0) as team_id, 1 as durations, 0 as first_chunks
    from requests where outcome = 'completed'
    union all
    select started_at - started_at % 3600000, coalesce(user_id, 0), coalesce(key_id, 0), coalesce(backend_id, 0),
        request_model, (select max(slot) from timing_slots where from_ms <= max(time_to_first_chunk_ms, 0)),
        coalesce(team_id, 0), 0, 1
    from requests where outcome = 'completed' and time_to_first_chunk_ms is not null
) group by 1, 2, 3, 4, 5, 6;

-- The log is read backwards in time, of one key, team, model or backend, or what failed. Few requests are a team's and few
-- fail, so that those two indexes cost next to nothing.
create index requests_by_key on requests (key_id, started_at);
create index requests_by_backend on requests (backend_id, started_at);
create index requests_by_model on requests (request_model, started_at);
create index requests_by_team on requests (team_id, started_at) where team_id is not null;
create index requests_that_failed on requests (started_at)
    where is_final and outcome not in ('completed', 'client_disconnected');
