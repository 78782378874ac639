-- What devices said last, as the agent needs it after a restart: written in the commit of the
-- message that it comes from. Derived; losing it makes known things news once more.
create table said (
    device text not null,
    -- JSON of the row's key; the form is that of agog-edge's floor.
    what text not null,
    value text not null,
    primary key (device, what)
) strict, without rowid;
