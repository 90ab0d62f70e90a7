-- Who did what. Rows are only ever added; each holds a SHA-256 over the row before it and itself, so that one that was
-- changed, removed or moved is found by `llm-router audit verify`.
create table audit (
    -- counts up without gaps from 1
    seq integer primary key,
    at integer not null,
    actor_kind text not null check (actor_kind in ('user', 'token', 'master_key', 'nobody')),
    -- the user's, also behind a token; the user may be gone
    actor_id integer,
    actor text not null,
    action text not null,
    subject_kind text,
    subject_id text,
    subject text,
    -- JSON without secrets; null: there was nothing before, or is nothing after
    before text,
    after text,
    hash blob not null
);
create index audit_by_actor on audit (actor_kind, actor_id, seq);
create index audit_by_subject on audit (subject_kind, subject_id, seq);
create index audit_by_time on audit (at);

-- The last row's number and hash, so that rows that were cut off the end are missed.
create table audit_head (
    id integer primary key check (id = 1),
    seq integer not null,
    hash blob not null
);

create trigger audit_is_not_changed before update on audit begin
    select raise(abort, 'the audit log is only ever added to');
end;
create trigger audit_is_not_deleted before delete on audit begin
    select raise(abort, 'the audit log is only ever added to');
end;
