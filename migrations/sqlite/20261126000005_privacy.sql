-- What is left to do of the erasure of a person, and what was done.

-- The records that an erasure is about. It is emptied when the erasure is done.
create table erasure_record (
    tenant_id blob not null,
    -- The person that is erased.
    person_id blob not null,
    object text not null,
    record_id blob not null,
    -- Whether the record goes for good, or only lets go of the person.
    is_removed integer not null,
    primary key (tenant_id, person_id, object, record_id)
) strict, without rowid;

-- Who was erased when, without any value of theirs.
create table certificate (
    tenant_id blob not null,
    id blob not null,
    made_at integer not null,
    object text not null,
    record_id blob not null,
    -- As it was signed, to the byte.
    body text not null,
    signature text not null,
    primary key (tenant_id, id)
) strict, without rowid;
