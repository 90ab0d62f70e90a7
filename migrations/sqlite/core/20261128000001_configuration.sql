-- Backends, groups and rewrites that administrators have made, in the words of the configuration file. What the file
-- itself has is not here.
create table route_entries (
    id integer primary key autoincrement,
    -- backend, group or rewrite
    section text not null,
    -- a rewrite's is its source
    name text not null,
    -- JSON, without what is secret
    value text not null,
    -- sealed JSON of api_keys and headers; null: there are none
    secrets blob,
    note text not null default '',
    created_at integer not null,
    updated_at integer not null,
    unique (section, name)
);

-- Which backends a user's keys may use. A user without a row may use all, or none, as the configuration says.
create table permissions (
    id integer primary key autoincrement,
    user_id integer not null references users (id) on delete cascade,
    backend_id integer not null references backends (id),
    created_at integer not null,
    unique (user_id, backend_id)
);
