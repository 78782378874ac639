//! What the [`Splitter`](super::Splitter) tells of a package, step by step.

use std::ops::Range;

/// What the header block of a part says.
///
/// ```
/// use agog_jdf::package::{Event, PackageLimits, Splitter};
/// let mut splitter = Splitter::new(None, &PackageLimits::default());
/// splitter.push(b"--b\r\nContent-Type: application/pdf; name=p1.pdf\r\nContent-Length: 8\r\n\r\n%PDF-1.7\r\n--b--\r\n");
/// let Some(Event::Part(head)) = splitter.next_event()? else { panic!() };
/// assert_eq!((head.number, head.content_type.as_str(), head.content_length), (1, "application/pdf", Some(8)));
/// assert_eq!(head.file_name.as_deref(), Some("p1.pdf"));
/// # Ok::<(), agog_jdf::package::PackageError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartHead {
    /// Counted from 1.
    pub number: usize,
    /// As written, without angle brackets.
    pub content_id: Option<String>,
    /// In lower case, without parameters; empty if the sender gave none.
    pub content_type: String,
    /// A base name that is safe to create a file with, whatever the sender wrote.
    pub file_name: Option<String>,
    /// The `Content-Length` of the part. Only a hint: the delimiter decides where a part ends.
    pub content_length: Option<u64>,
}

/// A step through a package: each part begins, goes on and ends, and the package ends at last.
///
/// ```
/// use agog_jdf::package::{Event, PackageLimits, Splitter};
/// let mut splitter = Splitter::new(None, &PackageLimits::default());
/// splitter.push(b"--b\n\n<JDF/>");
/// splitter.finish();
/// let mut seen = Vec::new();
/// while let Some(event) = splitter.next_event()? {
///     seen.push(match event {
///         Event::Part(_) => "part",
///         Event::Body(_) => "body",
///         Event::PartEnd => "part end",
///         Event::End { complete: true } => "end",
///         Event::End { complete: false } => "cut off",
///     });
/// }
/// assert_eq!(seen, ["part", "body", "part end", "cut off"]);
/// # Ok::<(), agog_jdf::package::PackageError>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'s> {
    /// A part begins.
    Part(PartHead),
    /// More of its content, decoded.
    Body(&'s [u8]),
    /// The part is whole.
    PartEnd,
    /// The package is read. Where the closing delimiter is missing, the sender forgot it or the transfer was cut.
    End {
        /// Whether the closing delimiter was there.
        complete: bool,
    },
}

/// What happened, with places in the buffers instead of borrows.
pub(super) enum Step {
    More,
    Again,
    Part(PartHead),
    Body(Range<usize>),
    Decoded,
    PartEnd,
    End { complete: bool },
}
