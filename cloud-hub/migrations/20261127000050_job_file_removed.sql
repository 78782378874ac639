-- Files are removed some time after the end of the last job that names them.
alter table job_file add column removed_at timestamptz;
grant update (removed_at) on job_file to agog_server;
