-- Upstream calls that failed after they may have been billed are rows of their own, before the one that ends the
-- request; the price by which a row was computed, and what is charged besides tokens, stand in it.

alter table requests add column is_final integer not null default 1;
alter table requests add column team_id integer;
alter table requests add column price_id integer;
alter table requests add column service_tier text not null default 'standard';
alter table requests add column searches integer not null default 0;
alter table requests add column images integer not null default 0;
alter table requests add column audio_ms integer not null default 0;

-- What a request had used when it was last looked at; charged if the router is killed.
alter table open_requests add column team_id integer;
alter table open_requests add column price_id integer;
alter table open_requests add column attempts integer not null default 0;
alter table open_requests add column input_tokens integer not null default 0;
alter table open_requests add column cache_read_tokens integer not null default 0;
alter table open_requests add column cache_write_5m_tokens integer not null default 0;
alter table open_requests add column cache_write_1h_tokens integer not null default 0;
alter table open_requests add column output_tokens integer not null default 0;
alter table open_requests add column cost_nano integer;

-- A key belongs to one team or to none, so that this adds no row.
alter table rollups add column team_id integer not null default 0;
create index rollups_by_team on rollups (team_id, hour);

-- Answers to requests with an Idempotency-Key, for a day. They are written with the row of the request.
create table idempotent_answers (
    -- 0: the master key
    key_id integer not null,
    idempotency_key text not null,
    -- SHA-256 of path and body
    fingerprint blob not null,
    created_at integer not null,
    request_id blob not null,
    status integer not null,
    -- JSON object
    headers text not null,
    -- null: too large to keep
    body blob,
    primary key (key_id, idempotency_key)
) without rowid;
create index idempotent_answers_by_time on idempotent_answers (created_at);

-- What an older version left open had no cost noted; nothing is charged for it, as that version did.
update open_requests set cost_nano = 0;
