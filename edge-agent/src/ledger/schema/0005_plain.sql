-- 1 for a message without a fact, such as a heartbeat: repeated, it has no effect anyway, and its id is
-- kept for a day only.
alter table inbox_message add column plain integer not null default 0;
create index inbox_message_plain on inbox_message (recorded_at) where plain = 1;
