//! Names and namespaces. A vendor's prefix is kept as written; what counts is the namespace it stands for.
//!
//! ```
//! use agog_jdf::name;
//! let (prefix, local) = name::split("jdf:JDF");
//! assert_eq!((prefix, local), (Some("jdf"), "JDF"));
//! assert!(name::is_jdf_namespace(name::JDF) && name::is_jdf_namespace(name::JDF_1_0));
//! ```

/// The namespace of JDF 1.1 to 1.9 and of JMF.
///
/// ```
/// use agog_jdf::{Document, Element, name};
/// let root = Element::new("JMF").with("xmlns", name::JDF).with("xmlns:xsi", name::XSI);
/// let document = Document::from_element(&root)?;
/// assert_eq!(document.root().namespace(), Some(name::JDF));
/// assert_eq!(document.root().resolve(Some("xml")), Some(name::XML));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub const JDF: &str = "http://www.CIP4.org/JDFSchema_1_1";
/// The namespace of JDF 1.0.
pub const JDF_1_0: &str = "http://www.CIP4.org/JDFSchema_1";
/// XML Schema instance, for `xsi:type`.
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Bound to the prefix `xml` in every document.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Bound to the prefix `xmlns` in every document.
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Whether a namespace means JDF 1.x. Writers get the case wrong and 1.0 documents have their own;
/// both are read as JDF and written back as they were.
///
/// ```
/// assert!(agog_jdf::name::is_jdf_namespace("http://www.cip4.org/JDFSchema_1_1"));
/// assert!(!agog_jdf::name::is_jdf_namespace("http://www.CIP4.org/JDFSchema_2_0"));
/// ```
pub fn is_jdf_namespace(uri: &str) -> bool {
    let uri = uri.trim().trim_end_matches('/');
    uri.eq_ignore_ascii_case(JDF) || uri.eq_ignore_ascii_case(JDF_1_0)
}

/// Splits `prefix:local`; a name without a colon has no prefix.
///
/// ```
/// use agog_jdf::name::split;
/// assert_eq!(split("jdf:Media"), (Some("jdf"), "Media"));
/// assert_eq!(split("Media"), (None, "Media"));
/// ```
pub fn split(name: &str) -> (Option<&str>, &str) {
    match name.split_once(':') {
        Some((prefix, local)) if !prefix.is_empty() && !local.is_empty() => (Some(prefix), local),
        _ => (None, name),
    }
}

/// Whether a text is an XML 1.0 name.
pub(crate) fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(is_name_start) && characters.all(is_name_character)
}

fn is_name_start(c: char) -> bool {
    matches!(c,
        ':' | '_' | 'A'..='Z' | 'a'..='z'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

fn is_name_character(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether XML 1.0 allows a character at all.
pub(crate) fn is_xml_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}
