-- Where requests can go, and what that costs. Rows outlive their configuration, since the ledger names them.

create table backends (
    id integer primary key autoincrement,
    name text not null unique,
    kind text not null,
    base_url text,
    -- 0: no longer configured
    active integer not null default 1,
    created_at integer not null,
    updated_at integer not null
);

create table deployments (
    id integer primary key autoincrement,
    backend_id integer not null references backends (id),
    -- as it is sent upstream
    model text not null,
    active integer not null default 1,
    created_at integer not null,
    unique (backend_id, model)
);

-- A price holds from effective_from until the next row of its deployment; old rows stay true for old requests.
-- Nano-USD per million tokens.
create table prices (
    id integer primary key autoincrement,
    deployment_id integer not null references deployments (id),
    effective_from integer not null,
    input_nano integer not null,
    cache_read_nano integer not null,
    cache_write_5m_nano integer not null,
    cache_write_1h_nano integer not null,
    output_nano integer not null,
    unique (deployment_id, effective_from)
);
