-- Documents roll over: which generation this is.
alter table document add column generation integer not null default 1;
