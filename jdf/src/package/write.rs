//! Parts → bytes: the JMF first, then the tickets, then the files; binary, with a boundary that none of
//! them contains.

use std::io::Write as _;

use super::names::safe_file_name;
use super::{JDF_TYPE, JMF_TYPE};

/// A package to be sent.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    parts: Vec<OutgoingPart>,
}

#[derive(Debug, Clone)]
struct OutgoingPart {
    /// Messages, then tickets, then files.
    rank: u8,
    content_type: String,
    content_id: String,
    body: Vec<u8>,
}

impl Outgoing {
    /// Begins a package with its messages.
    pub fn new(jmf: Vec<u8>) -> Self {
        let mut package = Self::default();
        package.add(0, JMF_TYPE, "message.jmf", jmf);
        package
    }

    /// Adds a ticket; the messages refer to it as `cid:` and this content ID, which is also its file name.
    pub fn ticket(&mut self, content_id: &str, jdf: Vec<u8>) -> &mut Self {
        self.add(1, JDF_TYPE, content_id, jdf)
    }

    /// Adds a file that a ticket refers to.
    pub fn file(&mut self, content_id: &str, content_type: &str, body: Vec<u8>) -> &mut Self {
        self.add(2, content_type, content_id, body)
    }

    fn add(&mut self, rank: u8, content_type: &str, content_id: &str, body: Vec<u8>) -> &mut Self {
        let is_plain = |c: &char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"');
        let content_id: String = content_id.chars().filter(is_plain).collect();
        let content_type: String = content_type.chars().filter(|c| !c.is_control()).collect();
        self.parts.push(OutgoingPart {
            rank,
            content_type,
            content_id,
            body,
        });
        self
    }

    /// The `Content-Type` of the package, boundary included, and its bytes.
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.parts.sort_by_key(|part| part.rank);
        let boundary = self.boundary();
        let content_type =
            format!("multipart/related; type=\"{JMF_TYPE}\"; boundary=\"{boundary}\"");
        let mut out = Vec::with_capacity(self.parts.iter().map(|part| part.body.len() + 300).sum());
        for part in &self.parts {
            let name = safe_file_name(&part.content_id).unwrap_or_else(|| "part".to_owned());
            let header = format!(
                "--{boundary}\r\nContent-Type: {}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{}>\r\n\
                 Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n",
                part.content_type, part.content_id,
            );
            out.extend_from_slice(header.as_bytes());
            out.extend_from_slice(&part.body);
            out.extend_from_slice(b"\r\n");
        }
        write!(out, "--{boundary}--\r\n").expect("writing to a Vec cannot fail");
        (content_type, out)
    }

    /// Counts up until no part contains the boundary: the same package always has the same bytes.
    fn boundary(&self) -> String {
        let mut number = 0_u32;
        loop {
            let boundary = format!("=_agog_{number:04}");
            let used = |part: &OutgoingPart| {
                part.body
                    .windows(boundary.len())
                    .any(|window| window == boundary.as_bytes())
            };
            if !self.parts.iter().any(used) {
                return boundary;
            }
            number += 1;
        }
    }
}
