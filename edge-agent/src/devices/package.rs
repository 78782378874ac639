//! A message with its ticket and files as the body of one HTTP request, streamed from the disk: a
//! page of two gigabytes is never in memory.
//!
//! Limits: [`READ_BYTES`] are read at a time, off the threads that serve everybody.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use agog_jdf::package::{FileHead, PackageReader, PackageWriter};
use bytes::Bytes;

use super::profile::Profile;

/// One read of a package; also the most that waits for a slow device.
const READ_BYTES: usize = 128 * 1024;
const TICKET_ID: &str = "ticket.jdf";
/// How a submission names the ticket that comes with it.
pub const TICKET_URL: &str = "cid:ticket.jdf";

/// What is submitted.
#[derive(Debug, Clone, Default)]
pub struct Submission {
    pub jdf: Vec<u8>,
    pub files: Vec<PackedFile>,
}

/// A file that goes with a ticket.
#[derive(Debug, Clone)]
pub struct PackedFile {
    pub content_id: String,
    pub name: String,
    pub media_type: String,
    pub path: PathBuf,
    pub bytes: u64,
}

/// A package that is ready to be read.
pub(super) struct Packed {
    pub(super) content_type: String,
    pub(super) length: Option<u64>,
    reader: PackageReader<'static>,
}

impl Packed {
    /// Opens the files and puts the package together; nothing is read yet.
    pub(super) async fn new(
        profile: &Profile,
        random: [u8; 16],
        jmf: Vec<u8>,
        submission: Submission,
    ) -> io::Result<Self> {
        let repeats_headers = profile.mime_header_in_body;
        let pack = move || {
            let mut package = PackageWriter::new(random);
            if repeats_headers {
                package.repeat_headers();
            }
            package.jmf(jmf);
            package.ticket(TICKET_ID, submission.jdf);
            for file in &submission.files {
                let head = FileHead {
                    content_id: &file.content_id,
                    content_type: &file.media_type,
                    file_name: Some(&file.name),
                };
                package.file(&head, Some(file.bytes), File::open(&file.path)?);
            }
            Ok(Self {
                content_type: package.content_type(),
                length: package.content_length(),
                reader: package.into_reader(),
            })
        };
        tokio::task::spawn_blocking(pack)
            .await
            .map_err(io::Error::other)?
    }

    /// The body; it fails when a file is not as long as it was.
    pub(super) fn into_body(self) -> reqwest::Body {
        let chunks = futures_util::stream::try_unfold(self.reader, |mut reader| async move {
            let read = move || {
                let mut chunk = vec![0; READ_BYTES];
                let length = reader.read(&mut chunk)?;
                chunk.truncate(length);
                Ok::<_, io::Error>((Bytes::from(chunk), reader))
            };
            let (chunk, reader) = tokio::task::spawn_blocking(read)
                .await
                .map_err(io::Error::other)??;
            Ok::<_, io::Error>((!chunk.is_empty()).then_some((chunk, reader)))
        });
        reqwest::Body::wrap_stream(chunks)
    }
}
