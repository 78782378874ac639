//! Bytes → parts. One pass over the body; parts are slices of it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::headers::{Headers, main_value, parameter, safe_file_name};
use super::{JDF_TYPE, JMF_TYPE, Package, PackageError, PackageLimits, Part, bare_id, root_name};

/// Padding is left out by some writers.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

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
    if let Some(part) = lone_document(body) {
        return Ok(Package { parts: vec![part] });
    }
    // A header block inside the body, which is where the field's most used library puts the boundary.
    let start = body.len() - body.trim_ascii_start().len();
    let inner = if body[start..].starts_with(b"--") {
        None
    } else {
        Headers::split(&body[start..], limits)?
    };
    let inner_type = inner
        .as_ref()
        .and_then(|(headers, _)| headers.get("content-type").map(str::to_owned));
    let content = inner.as_ref().map_or(&body[start..], |(_, rest)| *rest);
    let boundary = [inner_type.as_deref(), content_type]
        .into_iter()
        .flatten()
        .find_map(|header| parameter(header, "boundary"))
        .filter(|boundary| !boundary.is_empty());
    let boundary = match boundary {
        Some(boundary) if find(content, format!("--{boundary}").as_bytes()).is_some() => boundary,
        // No header tells, or it lies: the first line that looks like a delimiter does.
        _ => first_delimiter(content).ok_or_else(|| {
            if inner.is_some() || content_type.is_some_and(is_multipart) {
                PackageError::NoBoundary
            } else {
                PackageError::NotAPackage
            }
        })?,
    };
    let mut parts = Vec::new();
    for raw in split(content, format!("--{boundary}").as_bytes()) {
        if parts.len() == limits.parts {
            return Err(PackageError::Limit {
                what: "parts",
                limit: limits.parts,
            });
        }
        parts.push(part(raw, parts.len() + 1, limits)?);
    }
    if parts.is_empty() {
        Err(PackageError::NoParts)
    } else {
        Ok(Package { parts })
    }
}

fn is_multipart(content_type: &str) -> bool {
    main_value(content_type).starts_with("multipart/")
}

/// A body that is XML itself, whatever the HTTP header called it.
fn lone_document(body: &[u8]) -> Option<Part<'_>> {
    let utf16 = body.starts_with(&[0xFF, 0xFE]) || body.starts_with(&[0xFE, 0xFF]);
    let content_type = match root_name(body) {
        Some(b"JMF") => JMF_TYPE,
        Some(b"JDF") => JDF_TYPE,
        Some(_) => "application/xml",
        None if utf16 => "application/xml",
        None => return None,
    };
    let content_type = content_type.to_owned();
    Some(Part {
        content_id: None,
        content_type,
        file_name: None,
        body: Cow::Borrowed(body),
    })
}

fn first_delimiter(content: &[u8]) -> Option<String> {
    let line = content
        .split(|byte| *byte == b'\n')
        .find(|line| line.starts_with(b"--"))?;
    let boundary = std::str::from_utf8(line)
        .ok()?
        .strip_prefix("--")?
        .trim_end();
    (!boundary.is_empty() && boundary.len() <= 200).then(|| boundary.to_owned())
}

/// What stands between the delimiter lines. What is before the first is a preamble; a missing closing
/// delimiter ends the last part at the end of the bytes.
fn split<'b>(content: &'b [u8], delimiter: &[u8]) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    let mut from = 0;
    let mut part_start = None;
    while let Some(found) = find(&content[from..], delimiter) {
        let at = from + found;
        let after = at + delimiter.len();
        from = after;
        let at_line_start = at == 0 || content[at - 1] == b'\n';
        let closing = content[after..].starts_with(b"--");
        let line_end = content[after..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(content.len(), |end| after + end + 1);
        let tail = &content[after + if closing { 2 } else { 0 }..line_end];
        if !at_line_start || !tail.trim_ascii().is_empty() {
            continue;
        }
        if let Some(start) = part_start.replace(line_end) {
            parts.push(without_line_end(&content[start..at]));
        }
        if closing {
            return parts;
        }
        from = line_end;
    }
    if let Some(start) = part_start.filter(|start| *start < content.len()) {
        parts.push(&content[start..]);
    }
    parts
}

/// The line end before a delimiter belongs to the delimiter.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let at = from + bytes[from..].iter().position(|byte| *byte == first)?;
        if bytes[at..].starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}

fn part<'b>(
    raw: &'b [u8],
    number: usize,
    limits: &PackageLimits,
) -> Result<Part<'b>, PackageError> {
    // A part without any headers begins with its content.
    let (headers, content) = Headers::split(raw, limits)?.unwrap_or((Headers::default(), raw));
    let encoding = headers
        .get("content-transfer-encoding")
        .map(main_value)
        .unwrap_or_default();
    let body = match encoding.as_str() {
        "" | "binary" | "8bit" | "7bit" => Cow::Borrowed(content),
        "base64" => {
            let packed: Vec<u8> = content
                .iter()
                .copied()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            Cow::Owned(
                LENIENT_BASE64
                    .decode(packed)
                    .map_err(|_| PackageError::Base64 { part: number })?,
            )
        }
        "quoted-printable" => Cow::Owned(unquoted_printable(content)),
        _ => {
            return Err(PackageError::TransferEncoding {
                part: number,
                encoding,
            });
        }
    };
    let disposition = headers
        .get("content-disposition")
        .and_then(|header| parameter(header, "filename"));
    let named = || {
        headers
            .get("content-type")
            .and_then(|header| parameter(header, "name"))
    };
    let content_type = headers
        .get("content-type")
        .map(main_value)
        .unwrap_or_default();
    let content_type = match (content_type.as_str(), root_name(&body)) {
        ("", Some(b"JMF")) => JMF_TYPE.to_owned(),
        ("", Some(b"JDF")) => JDF_TYPE.to_owned(),
        ("", _) => "application/octet-stream".to_owned(),
        _ => content_type,
    };
    Ok(Part {
        content_id: headers
            .get("content-id")
            .map(|id| bare_id(id).to_owned())
            .filter(|id| !id.is_empty()),
        content_type,
        file_name: disposition
            .or_else(named)
            .as_deref()
            .and_then(safe_file_name),
        body,
    })
}

/// Undoes `=3D` and soft line breaks; what is malformed is kept as it is.
fn unquoted_printable(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    let mut rest = content;
    while let [first, after @ ..] = rest {
        rest = after;
        let hex = |byte: &u8| char::from(*byte).to_digit(16);
        match (first, after) {
            (b'=', [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..]) => rest = tail,
            (b'=', [high, low, tail @ ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    out.push(u8::try_from(high * 16 + low).unwrap_or(b'='));
                    rest = tail;
                }
                _ => out.push(b'='),
            },
            _ => out.push(*first),
        }
    }
    out
}
