//! What documents refer to: every URL of a ticket or of messages, told apart, compared with the parts of a
//! package, and rewritten when files are packed and unpacked.
//!
//! Not here: opening what a URL names. That is the application's choice and its allow-list.

use super::cid::{PartIndex, cid};
use super::names::percent_decoded;
use crate::view::ElementRef;
use crate::{Document, Error, NodeId};

/// Attributes that name a place to talk to or to put things, not a file to fetch (JDF 1.5, data type URL).
const ADDRESSES: &[&str] = &[
    "AcknowledgeURL",
    "CommentURL",
    "HotFolder",
    "JDFErrorURL",
    "JDFInputURL",
    "JDFOutputURL",
    "JMFURL",
    "PipeURL",
    "PreflightOutput",
    "ProofTarget",
    "QueueURL",
    "ReceiverURL",
    "ResponseURL",
    "ReturnJMF",
    "ReturnURL",
    "Route",
    "SecureJMFURL",
    "TargetRoute",
    "WatchURL",
];
/// Attributes that name a file.
const FILES: &[&str] = &["DefaultJDF", "JDFURL", "Mask", "URL"];
/// Elements whose `URL` is a place to send signals to.
const CHANNELS: &[&str] = &["Subscription", "StopPersChParams", "SubscriptionInfo"];

/// Where a URL leads: what an application decides by whether it may be opened.
///
/// ```
/// use agog_jdf::package::Location;
/// let may_be_opened = |url| matches!(Location::of(url), Location::Cid | Location::Relative);
/// assert!(may_be_opened("cid:page1") && may_be_opened("pages/1.pdf"));
/// assert!(!may_be_opened("file:///etc/passwd") && !may_be_opened("../secret"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// A part of the same package (RFC 2392).
    Cid,
    /// A `file:` URL.
    File,
    /// `http:` or `https:`.
    Http,
    /// Relative to the document, inside its directory.
    Relative,
    /// A path from the root, of a Windows drive or of a network share, without a scheme.
    Absolute,
    /// Another scheme, such as `ftp:`.
    Other,
    /// Made to mislead: it climbs out of its directory, also behind escapes, or holds control characters.
    Hostile,
}

impl Location {
    /// Tells URLs apart, leniently: paths of Windows are understood, and case and spaces around do not matter.
    ///
    /// ```
    /// use agog_jdf::package::Location;
    /// assert_eq!(Location::of("CID:page1"), Location::Cid);
    /// assert_eq!(Location::of("./pages/1.pdf"), Location::Relative);
    /// assert_eq!(Location::of("C:\\jobs\\1.pdf"), Location::Absolute);
    /// assert_eq!(Location::of("pages/%2e%2e/../../etc/passwd"), Location::Hostile);
    /// ```
    pub fn of(url: &str) -> Self {
        let url = url.trim();
        let decoded = String::from_utf8_lossy(&percent_decoded(url)).into_owned();
        if decoded.chars().any(char::is_control) {
            return Self::Hostile;
        }
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let is_scheme = scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let is_drive = scheme.len() == 1 && scheme.starts_with(|c: char| c.is_ascii_alphabetic());
        let has_dots = decoded.split(['/', '\\']).any(|step| step == "..");
        match scheme.to_ascii_lowercase().as_str() {
            "cid" => Self::Cid,
            "http" | "https" => Self::Http,
            "file" if has_dots => Self::Hostile,
            "file" => Self::File,
            _ if is_scheme => Self::Other,
            // An allow-list of directories compares beginnings, which dots would fool.
            _ if is_drive || decoded.starts_with(['/', '\\']) => {
                if has_dots {
                    Self::Hostile
                } else {
                    Self::Absolute
                }
            }
            _ if climbs(&decoded) => Self::Hostile,
            _ => Self::Relative,
        }
    }
}

/// The path that a URL names, with escapes undone: relative to the document, or from the root of this machine. `None`
/// for packages, services and other machines. Whether the path may be opened is not said here: [`Location::of`] tells
/// what climbs out of its directory.
///
/// ```
/// use agog_jdf::package::local_path;
/// assert_eq!(local_path("./page%201.pdf").as_deref(), Some("./page 1.pdf"));
/// assert_eq!(local_path("file:///jobs/a.pdf").as_deref(), Some("/jobs/a.pdf"));
/// assert_eq!(local_path("file://server/jobs/a.pdf"), None);
/// assert_eq!(local_path("cid:page1"), None);
/// ```
pub fn local_path(url: &str) -> Option<String> {
    let url = url.trim();
    let decoded = |path| String::from_utf8(percent_decoded(path)).ok();
    if let Some((scheme, rest)) = url.split_once(':')
        && scheme.eq_ignore_ascii_case("file")
    {
        let Some(rest) = rest.strip_prefix("//") else {
            return decoded(rest);
        };
        let (host, _) = rest.split_once('/')?;
        let is_here = host.is_empty() || host.eq_ignore_ascii_case("localhost");
        return is_here.then(|| decoded(&rest[host.len()..]))?;
    }
    match Location::of(url) {
        Location::Cid | Location::Http | Location::Other => None,
        Location::File | Location::Relative | Location::Absolute | Location::Hostile => {
            decoded(url)
        }
    }
}

fn climbs(path: &str) -> bool {
    let mut depth = 0_usize;
    for step in path.split(['/', '\\']) {
        match step {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

/// A URL in a document.
///
/// ```
/// use agog_jdf::package::{Location, references};
/// use agog_jdf::{Document, Limits};
/// let ticket = Document::parse(
///     br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><FileSpec URL="cid:page1"/><NodeInfo TargetRoute="http://mis/"/></JDF>"#,
///     &Limits::default(),
/// )?;
/// let found = references(&ticket);
/// assert_eq!((found[0].url, found[0].location, found[0].is_file), ("cid:page1", Location::Cid, true));
/// assert_eq!((found[1].attribute, found[1].is_file), ("TargetRoute", false));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Reference<'d> {
    /// The element that has the attribute.
    pub element: ElementRef<'d>,
    /// The attribute that holds the URL.
    pub attribute: &'d str,
    /// The URL as the application sees it, not decoded.
    pub url: &'d str,
    /// Where it leads.
    pub location: Location,
    /// Whether the URL names a file, and not an address to talk to.
    pub is_file: bool,
}

/// Every URL of a document in order: the URL attributes of JDF elements, and whatever else is a `cid:`, also
/// in extensions. Empty attributes are left out.
///
/// ```
/// use agog_jdf::package::{Location, references};
/// use agog_jdf::{Document, Limits};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><RunList><LayoutElement><FileSpec URL="file:///jobs/1.pdf"/></LayoutElement></RunList></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let outside: Vec<_> = references(&document).into_iter().filter(|found| found.location == Location::File).collect();
/// assert_eq!((outside.len(), outside[0].element.name()), (1, "FileSpec"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub fn references(document: &Document) -> Vec<Reference<'_>> {
    let root = document.root();
    std::iter::once(root)
        .chain(root.descendants())
        .flat_map(|element| {
            let is_of_jdf = element.is_of_jdf();
            let is_channel = is_of_jdf && CHANNELS.contains(&element.local_name());
            element.attributes().filter_map(move |attribute| {
                let is_cid = cid(attribute.value).is_some();
                let is_named =
                    FILES.contains(&attribute.name) || ADDRESSES.contains(&attribute.name);
                let is_wanted =
                    is_cid || is_of_jdf && is_named && !attribute.value.trim().is_empty();
                is_wanted.then(|| Reference {
                    element,
                    attribute: attribute.name,
                    url: attribute.value,
                    location: Location::of(attribute.value),
                    is_file: is_cid || !is_channel && FILES.contains(&attribute.name),
                })
            })
        })
        .collect()
}

/// How the references of documents and the parts of a package fit together, from [`cross_check`].
///
/// ```
/// use agog_jdf::package::{PartIndex, cross_check};
/// let check = cross_check(&PartIndex::new([]), ["cid:page1", "./page2.pdf"]);
/// assert_eq!(check.dangling, [0], "a relative URL is not the package's business");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CrossCheck {
    /// Numbers of the URLs, from 0, that are `cid:` and lead to no part.
    pub dangling: Vec<usize>,
    /// Numbers of the parts, from 0, that no URL leads to. The messages are among them by nature.
    pub unreferenced: Vec<usize>,
}

/// Compares all URLs of all documents of a package with its parts.
///
/// ```
/// use agog_jdf::package::{PartIndex, PartName, cross_check};
/// let part = |id| PartName { content_id: Some(id), file_name: None };
/// let index = PartIndex::new([part("jmf"), part("ticket"), part("page")]);
/// let check = cross_check(&index, ["cid:Ticket", "cid:gone", "http://mis/"]);
/// assert_eq!((check.dangling, check.unreferenced), (vec![1], vec![0, 2]));
/// ```
pub fn cross_check<'u>(index: &PartIndex, urls: impl IntoIterator<Item = &'u str>) -> CrossCheck {
    let mut is_referenced = vec![false; index.len()];
    let mut check = CrossCheck::default();
    for (number, url) in urls.into_iter().enumerate() {
        match index.resolve(url) {
            Some(part) => is_referenced[part] = true,
            None if cid(url).is_some() => check.dangling.push(number),
            None => {}
        }
    }
    let unreferenced = is_referenced.iter().enumerate().filter(|(_, is)| !**is);
    check.unreferenced = unreferenced.map(|(number, _)| number).collect();
    check
}

/// Gives references new URLs: `file` → `cid` when packing, `cid` → relative path when unpacking. Only the
/// bytes of the values change. Tells how many were rewritten.
///
/// ```
/// use agog_jdf::package::{cid_url, rewrite_references};
/// use agog_jdf::{Document, Limits};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><FileSpec  URL='./page.pdf'/></JDF>"#;
/// let mut ticket = Document::parse(source, &Limits::default())?;
/// let count = rewrite_references(&mut ticket, |reference| reference.is_file.then(|| cid_url("page1")))?;
/// assert_eq!(count, 1);
/// assert!(String::from_utf8(ticket.to_bytes()).unwrap().ends_with("<FileSpec  URL='cid:page1'/></JDF>"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
///
/// # Errors
/// As [`Document::set_attribute`].
pub fn rewrite_references(
    document: &mut Document,
    mut new_url: impl FnMut(&Reference<'_>) -> Option<String>,
) -> Result<usize, Error> {
    let changes: Vec<(NodeId, String, String)> = references(document)
        .iter()
        .filter_map(|reference| {
            let url = new_url(reference).filter(|url| url != reference.url)?;
            Some((reference.element.id(), reference.attribute.to_owned(), url))
        })
        .collect();
    for (id, attribute, url) in &changes {
        document.set_attribute(*id, attribute, url)?;
    }
    Ok(changes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_apart() {
        for (url, location) in [
            (" cid://x ", Location::Cid),
            ("FILE://host/share/a.pdf", Location::File),
            ("file:///jobs/../etc/passwd", Location::Hostile),
            ("file:///jobs/%2E%2e/passwd", Location::Hostile),
            ("https://mis/a.pdf", Location::Http),
            ("ftp://mis/a.pdf", Location::Other),
            ("\\\\server\\share\\a.pdf", Location::Absolute),
            ("/jobs/a.pdf", Location::Absolute),
            ("/jobs/../a.pdf", Location::Hostile),
            ("c:/a.pdf", Location::Absolute),
            ("a/../b.pdf", Location::Relative),
            ("a\\..\\..\\b.pdf", Location::Hostile),
            ("..", Location::Hostile),
            ("a..b/..c.pdf", Location::Relative),
            ("page%00.pdf", Location::Hostile),
            ("%2Fetc/passwd", Location::Absolute),
        ] {
            assert_eq!(Location::of(url), location, "{url}");
        }
    }
}
