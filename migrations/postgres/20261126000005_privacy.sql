-- What is left to do of the erasure of a person, and what was done.

-- The records that an erasure is about. It is emptied when the erasure is done.
create table erasure_record (
    tenant_id uuid not null,
    -- The person that is erased.
    person_id uuid not null,
    object text collate "C" not null,
    record_id uuid not null,
    -- Whether the record goes for good, or only lets go of the person.
    is_removed boolean not null,
    primary key (tenant_id, person_id, object, record_id)
);

-- Who was erased when, without any value of theirs.
create table certificate (
    tenant_id uuid not null,
    id uuid not null,
    made_at timestamptz not null,
    object text not null,
    record_id uuid not null,
    -- As it was signed, to the byte.
    body text not null,
    signature text not null,
    primary key (tenant_id, id)
);

select guildhall_wall('erasure_record');
select guildhall_wall('certificate');
