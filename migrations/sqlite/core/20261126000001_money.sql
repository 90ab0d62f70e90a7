-- Teams, budgets and limits of keys and teams, rotation and revocation of keys, dated prices with their source,
-- and what was told about budgets.

create table teams (
    id integer primary key autoincrement,
    name text not null unique collate nocase,
    active integer not null default 1,
    daily_budget_nano integer not null default 0 check (daily_budget_nano >= 0),
    monthly_budget_nano integer not null default 0 check (monthly_budget_nano >= 0),
    soft_daily_nano integer not null default 0 check (soft_daily_nano >= 0),
    soft_monthly_nano integer not null default 0 check (soft_monthly_nano >= 0),
    requests_per_minute integer not null default 0 check (requests_per_minute >= 0),
    tokens_per_minute integer not null default 0 check (tokens_per_minute >= 0),
    parallel integer not null default 0 check (parallel >= 0),
    created_at integer not null,
    updated_at integer not null
);

create table team_members (
    team_id integer not null references teams (id) on delete cascade,
    user_id integer not null references users (id) on delete cascade,
    role text not null check (role in ('owner', 'member')),
    created_at integer not null,
    primary key (team_id, user_id)
) without rowid;
create index team_members_by_user on team_members (user_id);

alter table users add column soft_daily_nano integer not null default 0 check (soft_daily_nano >= 0);
alter table users add column soft_monthly_nano integer not null default 0 check (soft_monthly_nano >= 0);
alter table users add column requests_per_minute integer not null default 0 check (requests_per_minute >= 0);
alter table users add column tokens_per_minute integer not null default 0 check (tokens_per_minute >= 0);
alter table users add column parallel integer not null default 0 check (parallel >= 0);

-- SQLite cannot drop "not null": a key belongs to a user or to a team.
create table virtual_keys_new (
    id integer primary key autoincrement,
    user_id integer references users (id) on delete cascade,
    team_id integer references teams (id) on delete cascade,
    label text not null,
    -- HMAC-SHA-256 of the whole key; the key itself is stored nowhere
    hash blob not null unique,
    prefix text not null,
    last4 text not null,
    active integer not null default 1,
    -- an admin switched it off, so that its owner cannot switch it on again
    disabled_by_admin integer not null default 0,
    -- for good
    revoked_at integer,
    expires_at integer,
    requests_per_minute integer not null default 0 check (requests_per_minute >= 0),
    tokens_per_minute integer not null default 0 check (tokens_per_minute >= 0),
    parallel integer not null default 0 check (parallel >= 0),
    daily_budget_nano integer not null default 0 check (daily_budget_nano >= 0),
    monthly_budget_nano integer not null default 0 check (monthly_budget_nano >= 0),
    soft_daily_nano integer not null default 0 check (soft_daily_nano >= 0),
    soft_monthly_nano integer not null default 0 check (soft_monthly_nano >= 0),
    -- JSON arrays; empty: no restriction
    allowed_models text not null default '[]',
    allowed_backends text not null default '[]',
    allowed_addresses text not null default '[]',
    tags text not null default '[]',
    -- 'admin': made here; 'environment': AUTH_KEY…, re-read at every start
    source text not null default 'admin',
    created_at integer not null,
    last_used_at integer,
    check ((user_id is null) <> (team_id is null))
);
insert into virtual_keys_new (id, user_id, label, hash, prefix, last4, active, disabled_by_admin, expires_at,
    requests_per_minute, allowed_models, source, created_at, last_used_at)
select id, user_id, label, hash, prefix, last4, active, disabled_by_admin, expires_at,
    requests_per_minute, allowed_models, source, created_at, last_used_at
from virtual_keys;
drop table virtual_keys;
alter table virtual_keys_new rename to virtual_keys;
create index virtual_keys_by_user on virtual_keys (user_id);
create index virtual_keys_by_team on virtual_keys (team_id);

-- Secrets that a key had before it was rotated. They go on working until their time.
create table retiring_secrets (
    hash blob primary key,
    key_id integer not null references virtual_keys (id) on delete cascade,
    prefix text not null,
    last4 text not null,
    valid_until integer not null
) without rowid;
create index retiring_secrets_by_key on retiring_secrets (key_id, valid_until);

-- Whose budget was reset: users, and now teams and keys too. Ids of different kinds share the column, so that
-- there is no foreign key; what is left of a deleted bearer counts for nobody, since ids are never used again.
create table budget_resets_new (
    id integer primary key autoincrement,
    scope text not null check (scope in ('user', 'team', 'key')),
    scope_id integer not null,
    period text not null check (period in ('daily', 'monthly')),
    period_start integer not null,
    forgiven_nano integer not null,
    created_at integer not null
);
insert into budget_resets_new (id, scope, scope_id, period, period_start, forgiven_nano, created_at)
select id, 'user', user_id, period, period_start, forgiven_nano, created_at from budget_resets;
drop table budget_resets;
alter table budget_resets_new rename to budget_resets;
create index budget_resets_by_scope on budget_resets (scope, scope_id, period, period_start);

-- One event of a kind for each period of a budget.
create table budget_events (
    id integer primary key autoincrement,
    scope text not null check (scope in ('user', 'team', 'key')),
    scope_id integer not null,
    kind text not null check (kind in ('soft_limit', 'hard_limit')),
    period text not null check (period in ('daily', 'monthly')),
    period_start integer not null,
    period_end integer not null,
    spent_nano integer not null,
    limit_nano integer not null,
    created_at integer not null,
    -- the webhook took it; null: not yet, or there is none
    delivered_at integer,
    unique (scope, scope_id, kind, period, period_start)
);

-- A price holds from effective_from until the next row of its deployment. What an admin sets comes before what is
-- configured, until it is withdrawn (a row without a price). Old rows stay true for old requests.
create table prices_new (
    id integer primary key autoincrement,
    deployment_id integer not null references deployments (id),
    source text not null check (source in ('catalogue', 'environment', 'file', 'admin')),
    effective_from integer not null,
    -- JSON, amounts in nano-USD; null: withdrawn
    price text,
    created_at integer not null
);
insert into prices_new (id, deployment_id, source, effective_from, price, created_at)
select id, deployment_id, 'file', effective_from, json_object('standard', json_object('rates', json_object(
    'input', input_nano, 'cache_read', cache_read_nano, 'cache_write_5m', cache_write_5m_nano,
    'cache_write_1h', cache_write_1h_nano, 'output', output_nano))), effective_from
from prices;
drop table prices;
alter table prices_new rename to prices;
create index prices_by_deployment on prices (deployment_id, effective_from);
