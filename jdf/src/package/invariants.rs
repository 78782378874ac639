//! What must hold for any bytes at all; fuzz targets and tests call it.

use super::{Event, Package, PackageError, PackageLimits, PartHead, Splitter, safe_file_name};

/// Sizes of the pieces that must not make a difference.
const CHUNKS: [usize; 4] = [1, 2, 7, 61];

type Read = Result<(Vec<(PartHead, Vec<u8>)>, bool), PackageError>;

/// Reads the bytes as a package, whole and in pieces, and asserts that nothing depends on the pieces and
/// that every file name is safe. For fuzzing.
///
/// ```
/// agog_jdf::package::assert_reader_invariants(b"--b\nContent-Disposition: x; filename=../a\n\n<JDF/>\n--b--");
/// ```
///
/// # Panics
/// If an invariant is broken.
pub fn assert_reader_invariants(bytes: &[u8]) {
    for content_type in [None, Some("multipart/related; boundary=b")] {
        let limits = PackageLimits {
            parts: 50,
            header_bytes: 512,
            ..PackageLimits::default()
        };
        let whole = split(content_type, bytes, bytes.len().max(1), &limits);
        for size in CHUNKS {
            let pieces = split(content_type, bytes, size, &limits);
            assert_eq!(whole, pieces, "pieces of {size} bytes are read otherwise");
        }
        if let Ok(package) = Package::parse(content_type, bytes, &limits) {
            let (parts, complete) = whole.expect("what the package reads, the splitter reads");
            assert_eq!(complete, package.complete);
            let bodies = parts.iter().map(|(_, body)| body.as_slice());
            assert!(bodies.eq(package.parts.iter().map(super::Part::body)));
            for name in package
                .parts
                .iter()
                .filter_map(|part| part.file_name.as_ref())
            {
                assert!(!name.contains(['/', '\\', ':', '\0']) && name.len() < 256);
                assert!(!matches!(name.as_str(), "" | "." | ".."));
                assert_eq!(safe_file_name(name).as_ref(), Some(name));
            }
        }
    }
}

fn split(content_type: Option<&str>, bytes: &[u8], size: usize, limits: &PackageLimits) -> Read {
    let mut splitter = Splitter::new(content_type, limits);
    let mut parts: Vec<(PartHead, Vec<u8>)> = Vec::new();
    let mut complete = false;
    for chunk in bytes.chunks(size).map(Some).chain([None]) {
        match chunk {
            Some(chunk) => splitter.push(chunk),
            None => splitter.finish(),
        }
        while let Some(event) = splitter.next_event()? {
            match event {
                Event::Part(head) => parts.push((head, Vec::new())),
                Event::Body(bytes) => {
                    let part = parts.last_mut().expect("a body follows its head");
                    part.1.extend_from_slice(bytes);
                }
                Event::PartEnd => {}
                Event::End { complete: is } => complete = is,
            }
        }
        let bound = size + 2 * limits.header_bytes + 4096;
        assert!(splitter.held_bytes() <= bound.max(2 * bytes.len().min(size) + bound));
    }
    Ok((parts, complete))
}
