//! A package in memory: the splitter over one slice. Parts are slices of it unless an encoding was undone.

use std::borrow::Cow;
use std::ops::Range;

use super::event::{PartHead, Step};
use super::split::Splitter;
use super::{JDF_TYPE, JMF_TYPE, Package, PackageError, PackageLimits, Part, root_name};

/// Bytes that are given to the splitter at a time: large enough to be quick, small enough to stay in cache.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) fn package<'b>(
    content_type: Option<&str>,
    body: &'b [u8],
    limits: &PackageLimits,
) -> Result<Package<'b>, PackageError> {
    let limit = limits.package_bytes;
    if body.len() > limit {
        return Err(PackageError::Limit {
            what: "bytes of package",
            limit,
        });
    }
    let mut splitter = Splitter::new(content_type, limits);
    let mut package = Package {
        parts: Vec::new(),
        complete: false,
    };
    let mut open = Open::default();
    for chunk in body.chunks(CHUNK_BYTES) {
        splitter.push(chunk);
        take(&mut splitter, body, &mut open, &mut package)?;
    }
    splitter.finish();
    take(&mut splitter, body, &mut open, &mut package)?;
    // XML is told by its first character alone; without a root it is something else.
    if let [part] = package.parts.as_slice()
        && part.body.len() == body.len()
        && part.content_type == "application/octet-stream"
        && !is_utf16(body)
    {
        return Err(PackageError::NotAPackage);
    }
    Ok(package)
}

#[derive(Default)]
struct Open {
    head: PartHead,
    raw: Option<Range<usize>>,
    decoded: Vec<u8>,
}

fn take<'b>(
    splitter: &mut Splitter,
    body: &'b [u8],
    open: &mut Open,
    package: &mut Package<'b>,
) -> Result<(), PackageError> {
    loop {
        match splitter.step()? {
            Step::More | Step::Again => return Ok(()),
            Step::Part(head) => {
                *open = Open {
                    head,
                    ..Open::default()
                }
            }
            Step::Body(range) => {
                let range = splitter.absolute(&range);
                let start = open.raw.as_ref().map_or(range.start, |raw| raw.start);
                open.raw = Some(start..range.end);
            }
            Step::Decoded => open.decoded.extend_from_slice(splitter.decoded()),
            Step::PartEnd => {
                let Open { head, raw, decoded } = std::mem::take(open);
                let body = match raw {
                    Some(raw) => Cow::Borrowed(&body[raw]),
                    None => Cow::Owned(decoded),
                };
                package.parts.push(Part {
                    content_id: head.content_id,
                    content_type: content_type(&head.content_type, &body),
                    file_name: head.file_name,
                    body,
                });
            }
            Step::End { complete } => package.complete = complete,
        }
    }
}

/// The type as told, else by what the content begins with.
pub(super) fn content_type(told: &str, beginning: &[u8]) -> String {
    let sniffed = match (told, root_name(beginning)) {
        ("", Some(b"JMF")) => JMF_TYPE,
        ("", Some(b"JDF")) => JDF_TYPE,
        ("", Some(_)) => "application/xml",
        ("", None) if is_utf16(beginning) => "application/xml",
        ("", None) if beginning.starts_with(b"%PDF-") => "application/pdf",
        ("", None) => "application/octet-stream",
        (told, _) => told,
    };
    sniffed.to_owned()
}

fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF")
}
