-- People, their keys and their sessions. Times are milliseconds since the epoch (UTC), money is nano-USD.

create table users (
    id integer primary key autoincrement,
    name text not null unique collate nocase,
    email text,
    role text not null check (role in ('admin', 'user')),
    active integer not null default 1,
    -- argon2id in PHC string format; null: cannot sign in with a password
    password_hash text,
    must_change_password integer not null default 0,
    -- counts up when the password changes or the user is disabled; sessions and tokens of an older one are dead
    credential_version integer not null default 0,
    daily_budget_nano integer not null default 0 check (daily_budget_nano >= 0),
    monthly_budget_nano integer not null default 0 check (monthly_budget_nano >= 0),
    created_at integer not null,
    updated_at integer not null
);

create table virtual_keys (
    id integer primary key autoincrement,
    user_id integer not null references users (id) on delete cascade,
    label text not null,
    -- HMAC-SHA-256 of the whole key; the key itself is stored nowhere
    hash blob not null unique,
    prefix text not null,
    last4 text not null,
    active integer not null default 1,
    -- an admin switched it off, so that its owner cannot switch it on again
    disabled_by_admin integer not null default 0,
    expires_at integer,
    requests_per_minute integer not null default 0 check (requests_per_minute >= 0),
    -- JSON array of model names; empty: all
    allowed_models text not null default '[]',
    -- 'admin': made here; 'environment': AUTH_KEY…, re-read at every start
    source text not null default 'admin',
    created_at integer not null,
    last_used_at integer
);
create index virtual_keys_by_user on virtual_keys (user_id);

-- A reset forgives what was spent so far in one period; the ledger itself never changes.
create table budget_resets (
    id integer primary key autoincrement,
    user_id integer not null references users (id) on delete cascade,
    period text not null check (period in ('daily', 'monthly')),
    period_start integer not null,
    forgiven_nano integer not null,
    created_at integer not null
);
create index budget_resets_by_user on budget_resets (user_id, period, period_start);

create table sessions (
    id text primary key,
    data text not null,
    expires_at integer not null
);
create index sessions_by_expiry on sessions (expires_at);
