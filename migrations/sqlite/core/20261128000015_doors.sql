-- The ways in: sessions that can be listed, tokens of the admin API, one-time links, other sign-ins, the first start.

-- Sees everything and changes nothing. The role is "user" then, so that whoever counts admins counts right.
alter table users add column reads_all integer not null default 0;

-- Whose session it is and where it was begun; null: of nobody who has signed in, or of an older router.
alter table sessions add column user_id integer references users (id) on delete cascade;
alter table sessions add column agent text;
alter table sessions add column address text;
alter table sessions add column created_at integer;
create index sessions_by_user on sessions (user_id);

create table api_tokens (
    id integer primary key autoincrement,
    -- null: made with the master key
    user_id integer references users (id) on delete cascade,
    name text not null,
    -- HMAC-SHA-256 of the whole token; the token itself is stored nowhere
    hash blob not null unique,
    prefix text not null,
    last4 text not null,
    scope text not null check (scope in ('read', 'admin')),
    expires_at integer,
    revoked_at integer,
    created_at integer not null,
    last_used_at integer
);

create table one_time_links (
    id integer primary key autoincrement,
    kind text not null check (kind in ('invite', 'reset')),
    user_id integer not null references users (id) on delete cascade,
    -- HMAC-SHA-256 of what stands in the link
    hash blob not null unique,
    created_at integer not null,
    expires_at integer not null,
    used_at integer
);
create index one_time_links_by_user on one_time_links (user_id);

-- Who a user is at an OpenID provider.
create table external_identities (
    issuer text not null,
    subject text not null,
    user_id integer not null references users (id) on delete cascade,
    created_at integer not null,
    primary key (issuer, subject)
) without rowid;
create index external_identities_by_user on external_identities (user_id);

-- What the router itself has to remember.
create table remembered (
    name text primary key,
    value text not null
) without rowid;
