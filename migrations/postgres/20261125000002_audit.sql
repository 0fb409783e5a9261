-- Who read or changed fields that are noted: appended, and never changed.
create table audit (
    seq bigint generated always as identity primary key,
    tenant_id uuid not null,
    at timestamptz not null,
    -- `key` or `plugin`, and which.
    subject_kind text not null,
    subject text not null,
    -- Whom a plugin did it for.
    on_behalf_of text,
    peer text,
    request text,
    -- `read` or `change`.
    action text not null,
    object text not null,
    -- None when it was of many records at once.
    record_id uuid,
    -- Names, never values.
    fields jsonb not null
);
create index audit_by_order on audit (tenant_id, seq);
create index audit_by_record on audit (tenant_id, record_id, seq);
create index audit_by_subject on audit (tenant_id, subject, seq);

create function guildhall_audit_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is only appended to';
end
$$;
create trigger audit_is_not_changed before update or delete on audit
    for each row execute function guildhall_audit_stays();
create trigger audit_is_not_emptied before truncate on audit
    for each statement execute function guildhall_audit_stays();
