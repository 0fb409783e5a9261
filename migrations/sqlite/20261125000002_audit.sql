-- Who read or changed fields that are noted: appended, and never changed.
create table audit (
    seq integer primary key autoincrement,
    tenant_id blob not null,
    at integer not null,
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
    record_id blob,
    -- Names, never values.
    fields text not null
) strict;
create index audit_by_order on audit (tenant_id, seq);
create index audit_by_record on audit (tenant_id, record_id, seq);
create index audit_by_subject on audit (tenant_id, subject, seq);

create trigger audit_is_not_changed before update on audit
begin
    select raise(abort, 'the audit trail is only appended to');
end;
create trigger audit_is_not_shortened before delete on audit
begin
    select raise(abort, 'the audit trail is only appended to');
end;
