//! The pages of a `SQLite` file and of its write-ahead log, read without `SQLite`, which gives up on a file whose first page or
//! whose tree is damaged. What is on a page is believed only as far as a hash proves it (`carve`).
//!
//! Of the log, frames count up to the last one that ended a commit: what comes after was never answered.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::durable;

/// What `SQLite` has made since 2016, and what every ledger has.
const PAGE_BYTES: u32 = 4_096;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";

const LOG_HEADER_BYTES: usize = 32;

const FRAME_HEADER_BYTES: usize = 24;

/// A file and its log.
pub(super) struct Pages {
    file: File,
    log: Option<File>,
    page_bytes: u32,
    in_file: u32,
    /// Where the pages of the log begin, and which ones they are.
    frames: Vec<(u32, u64)>,
    /// The newest frame of each page.
    newest: HashMap<u32, u64>,
}

/// Where a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub page: u32,
    in_log: Option<u64>,
}

impl Pages {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let log = match File::open(durable::with_ending(path, "-wal")) {
            Ok(log) => Some(log),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let header = log.as_ref().and_then(log_header);
        let page_bytes = file_page_bytes(&file)
            .or(header.map(|header| header.page_bytes))
            .unwrap_or(PAGE_BYTES);
        let in_file = file.metadata()?.len() / u64::from(page_bytes);
        let frames = match (&log, header) {
            (Some(log), Some(header)) if header.page_bytes == page_bytes => frames(log, &header),
            _ => Vec::new(),
        };
        Ok(Self {
            newest: frames.iter().copied().collect(),
            file,
            log,
            page_bytes,
            in_file: u32::try_from(in_file).unwrap_or(u32::MAX),
            frames,
        })
    }

    /// Every page that there is, also older ones that the log has newer forms of.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        let in_file = (1..=self.in_file).map(|page| Place { page, in_log: None });
        let in_log = self.frames.iter().map(|(page, offset)| Place {
            page: *page,
            in_log: Some(*offset),
        });
        in_file.chain(in_log)
    }

    pub(super) fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.page_bytes as usize];
        if let (Some(offset), Some(log)) = (place.in_log, &self.log) {
            log.read_exact_at(&mut bytes, offset)?;
        } else {
            let offset = u64::from(place.page.saturating_sub(1)) * u64::from(self.page_bytes);
            self.file.read_exact_at(&mut bytes, offset)?;
        }
        Ok(bytes)
    }

    /// The newest form of a page.
    pub(super) fn newest(&self, page: u32) -> io::Result<Vec<u8>> {
        let in_log = self.newest.get(&page).copied();
        self.read(Place { page, in_log })
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|four| four.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

fn is_page_size(bytes: u32) -> bool {
    bytes.is_power_of_two() && (512..=65_536).contains(&bytes)
}

/// The page size that the first page says, when it is one.
fn file_page_bytes(file: &File) -> Option<u32> {
    let mut header = [0; 18];
    file.read_exact_at(&mut header, 0).ok()?;
    let bytes = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        bytes => u32::from(bytes),
    };
    (header[..16] == MAGIC[..] && is_page_size(bytes)).then_some(bytes)
}

#[derive(Clone, Copy)]
struct LogHeader {
    page_bytes: u32,
    salt: [u8; 8],
}

fn log_header(log: &File) -> Option<LogHeader> {
    let mut header = [0; LOG_HEADER_BYTES];
    log.read_exact_at(&mut header, 0).ok()?;
    let page_bytes = number(&header, 8);
    let is_log = number(&header, 0) & !1 == 0x377f_0682 && is_page_size(page_bytes);
    Some(LogHeader {
        page_bytes,
        salt: header[16..24].try_into().ok()?,
    })
    .filter(|_| is_log)
}

/// The frames of the log up to the last commit. One with another salt is left from an earlier round of the log.
fn frames(log: &File, header: &LogHeader) -> Vec<(u32, u64)> {
    let mut found = Vec::new();
    let mut committed = 0;
    let mut offset = LOG_HEADER_BYTES as u64;
    let mut frame = [0; FRAME_HEADER_BYTES];
    while log.read_exact_at(&mut frame, offset).is_ok() && frame[8..16] == header.salt {
        found.push((number(&frame, 0), offset + FRAME_HEADER_BYTES as u64));
        if number(&frame, 4) > 0 {
            committed = found.len();
        }
        offset += FRAME_HEADER_BYTES as u64 + u64::from(header.page_bytes);
    }
    found.truncate(committed);
    found
}
