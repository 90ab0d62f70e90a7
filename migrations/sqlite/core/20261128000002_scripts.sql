-- Scripts that change requests and answers, every version of them, and the secrets that they may read.

create table scripts (
    id integer primary key autoincrement,
    name text not null unique collate nocase,
    script_type text not null check (script_type in ('global', 'per-user', 'per-key', 'per-backend', 'per-user-backend')),
    target_user_id integer references users (id) on delete cascade,
    target_key_id integer references virtual_keys (id) on delete cascade,
    target_backend_id integer references backends (id) on delete cascade,
    on_error text not null default 'skip' check (on_error in ('skip', 'fail')),
    -- those of one type run by it, then by id
    position integer not null default 0,
    active integer not null default 1,
    -- the version in force
    version integer not null default 1,
    -- since when it is not run, having failed again and again, and how
    suspended_at integer,
    suspended_reason text,
    created_at integer not null,
    updated_at integer not null
);

-- Never changed once written.
create table script_versions (
    script_id integer not null references scripts (id) on delete cascade,
    version integer not null,
    code text not null,
    -- null: the master key
    author text,
    created_at integer not null,
    primary key (script_id, version)
) without rowid;

create table script_secrets (
    name text primary key,
    -- XChaCha20-Poly1305: 24 bytes of nonce, then the ciphertext with its tag
    sealed blob not null,
    updated_at integer not null
) without rowid;
