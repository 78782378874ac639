//! A ticket with the files it refers to, as one package: which files these are, what each is called, and the ticket
//! with its references turned to them. For `pack` and `submit` alike. Files are streamed, only documents are held.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use agog_jdf::Document;
use agog_jdf::package::{
    FileHead, JDF_TYPE, JMF_TYPE, Location, PackageWriter, PartIndex, PartName, Reference, cid_url,
    local_path, references, rewrite_references, safe_file_name,
};
use anyhow::{Context as _, Result, bail, ensure};

use crate::replace::random_bits;

/// What the messages are called in a package.
const MESSAGES_ID: &str = "message.jmf";

/// A package that is ready to be written any number of times.
pub(crate) struct Bundle {
    messages: Option<Vec<u8>>,
    parts: Vec<Part>,
    /// What whoever packs should know: references that were left as they are, files that nothing refers to.
    pub(crate) remarks: Vec<String>,
}

/// References of one kind whose places are told; finding each place takes a walk through the ticket.
const PLACES_MAX: usize = 50;

/// Remarks of one kind, the first ones with their places.
#[derive(Default)]
struct Remarks {
    told: Vec<String>,
    more: usize,
}

impl Remarks {
    fn add(&mut self, remark: impl FnOnce() -> String) {
        if self.told.len() < PLACES_MAX {
            self.told.push(remark());
        } else {
            self.more += 1;
        }
    }

    fn lines(mut self) -> Vec<String> {
        if self.more > 0 {
            self.told.push(format!("and {} more", self.more));
        }
        self.told
    }
}

struct Part {
    path: PathBuf,
    /// The path without links and detours: two names of one file are one part.
    canonical: PathBuf,
    name: String,
    content_id: Option<String>,
    content: Content,
}

enum Content {
    Ticket(Box<Document>),
    File { bytes: u64 },
}

/// One line of what is in a package.
pub(crate) struct Packed<'b> {
    pub(crate) path: &'b Path,
    pub(crate) bytes: u64,
    pub(crate) content_type: &'static str,
    pub(crate) content_id: &'b str,
}

impl Bundle {
    /// Gathers a ticket, the files that are named, and the files below the ticket's folder that it refers to.
    /// `messages` are sent before it; they have to refer to the ticket.
    pub(crate) fn collect(
        ticket: &Path,
        files: &[PathBuf],
        messages: Option<&Path>,
    ) -> Result<Self> {
        let mut gathering = Gathering::default();
        gathering.add(ticket, true)?;
        for file in files {
            gathering.add(file, is_ticket(file))?;
        }
        let named = 1..gathering.parts.len();
        let messages = messages.map(|file| gathering.messages(file)).transpose()?;
        gathering.follow_references()?;
        let mut remarks = std::mem::take(&mut gathering.left).lines();
        let of_messages = messages.iter().flat_map(|(_, targets)| targets.values());
        let of_tickets = gathering.targets.values().flat_map(Targets::values);
        let meant: HashSet<usize> = of_messages.chain(of_tickets).copied().collect();
        let unmeant = named.filter(|part| !meant.contains(part));
        remarks.extend(unmeant.map(|part| {
            let path = gathering.parts[part].path.display();
            format!("nothing refers to `{path}`, which is in the package")
        }));
        gathering.name_parts();
        gathering.rewrite_tickets()?;
        let messages = messages.map(|(document, targets)| gathering.rewritten(document, &targets));
        Ok(Self {
            messages: messages.transpose()?,
            parts: gathering.parts,
            remarks,
        })
    }

    /// The reference by which messages call the ticket.
    pub(crate) fn ticket_url(&self) -> String {
        cid_url(self.parts[0].content_id.as_deref().unwrap_or_default())
    }

    pub(crate) fn set_messages(&mut self, messages: Vec<u8>) {
        self.messages = Some(messages);
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = Packed<'_>> {
        let messages = self.messages.iter().map(|bytes| Packed {
            path: Path::new(MESSAGES_ID),
            bytes: bytes.len() as u64,
            content_type: JMF_TYPE,
            content_id: MESSAGES_ID,
        });
        messages.chain(self.parts.iter().map(|part| Packed {
            path: &part.path,
            bytes: match &part.content {
                Content::Ticket(document) => document.to_bytes().len() as u64,
                Content::File { bytes } => *bytes,
            },
            content_type: part.content_type(),
            content_id: part.content_id.as_deref().unwrap_or_default(),
        }))
    }

    /// Whether the package would be written over one of its own files.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else {
            return false;
        };
        self.parts.iter().any(|part| part.canonical == path)
    }

    /// A package with random bits of its own: messages, then tickets, then files.
    pub(crate) fn writer(&self) -> PackageWriter<'static> {
        let mut writer = PackageWriter::new(random_bits().to_le_bytes());
        if let Some(messages) = &self.messages {
            writer.jmf(messages.clone());
        }
        let is_ticket = |part: &&Part| matches!(part.content, Content::Ticket(_));
        let tickets = self.parts.iter().filter(is_ticket);
        let files = self.parts.iter().filter(|part| !is_ticket(part));
        for part in tickets.chain(files) {
            let head = FileHead {
                content_id: part.content_id.as_deref().unwrap_or_default(),
                content_type: part.content_type(),
                file_name: Some(&part.name),
            };
            match &part.content {
                Content::Ticket(document) => {
                    let bytes = document.to_bytes();
                    writer.file(&head, Some(bytes.len() as u64), io::Cursor::new(bytes))
                }
                Content::File { bytes } => {
                    writer.file(&head, Some(*bytes), LazyFile::of(&part.path))
                }
            };
        }
        writer
    }
}

impl Part {
    fn wanted_id(&self) -> String {
        plain_id(&self.name)
    }

    fn content_type(&self) -> &'static str {
        if matches!(self.content, Content::Ticket(_)) {
            return JDF_TYPE;
        }
        let ending = Path::new(&self.name).extension();
        let ending = ending.map(std::ffi::OsStr::to_ascii_lowercase);
        match ending.as_ref().and_then(|ending| ending.to_str()) {
            Some("jdf") => JDF_TYPE,
            Some("jmf") => JMF_TYPE,
            Some("pdf") => "application/pdf",
            Some("icc" | "icm") => "application/vnd.iccprofile",
            Some("xml" | "cxf" | "xmp") => "application/xml",
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("png") => "image/png",
            Some("tif" | "tiff") => "image/tiff",
            Some("ps" | "eps") => "application/postscript",
            Some("ppf" | "cip3") => "application/vnd.cip3-ppf",
            Some("txt") => "text/plain",
            _ => "application/octet-stream",
        }
    }
}

fn is_ticket(file: &Path) -> bool {
    file.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("jdf"))
}

#[derive(Default)]
struct Gathering {
    /// The ticket is the first.
    parts: Vec<Part>,
    by_path: HashMap<PathBuf, usize>,
    /// For each ticket, by its number.
    targets: HashMap<usize, Targets>,
    /// References that lead elsewhere.
    left: Remarks,
}

/// Which part each URL of a document means.
type Targets = HashMap<String, usize>;

/// What a reference leads to.
enum Target {
    Part(usize),
    Elsewhere,
    /// Nothing, and why.
    Nowhere(String),
}

impl Gathering {
    /// The number of the part that a file is.
    fn add(&mut self, path: &Path, is_ticket: bool) -> Result<usize> {
        let canonical = path
            .canonicalize()
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        if let Some(known) = self.by_path.get(&canonical) {
            return Ok(*known);
        }
        let name = path
            .file_name()
            .with_context(|| format!("`{}` is no file", path.display()))?
            .to_string_lossy()
            .into_owned();
        let content = if is_ticket {
            Content::Ticket(Box::new(crate::document(path)?))
        } else {
            let metadata = std::fs::metadata(path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            ensure!(metadata.is_file(), "`{}` is no file", path.display());
            Content::File {
                bytes: metadata.len(),
            }
        };
        self.by_path.insert(canonical.clone(), self.parts.len());
        self.parts.push(Part {
            path: path.to_owned(),
            canonical,
            name,
            content_id: None,
            content,
        });
        Ok(self.parts.len() - 1)
    }

    /// Reads messages and finds which of their references is the one to the ticket.
    fn messages(&mut self, file: &Path) -> Result<(Document, Targets)> {
        let document = crate::document(file)?;
        document
            .expect_root("JMF")
            .with_context(|| format!("`{}` holds no messages", file.display()))?;
        let mut targets = Targets::new();
        let found = references(&document);
        let urls: Vec<&Reference<'_>> = found.iter().filter(|url| url.is_file).collect();
        for reference in &urls {
            if let Target::Part(part) = self.target(file, reference)? {
                targets.insert(reference.url.to_owned(), part);
            }
        }
        if !targets.values().any(|part| *part == 0) {
            // Messages that submit one ticket mean the one that is packed, wherever it lay before.
            let [reference] = urls.as_slice() else {
                bail!(
                    "`{}` refers to {} files, and none of them is the ticket `{}`",
                    file.display(),
                    urls.len(),
                    self.parts[0].path.display()
                );
            };
            if reference.location == Location::Cid {
                self.parts[0].content_id = Some(plain_id(bare_id(reference.url)));
            }
            targets.insert(reference.url.to_owned(), 0);
        }
        drop(found);
        Ok((document, targets))
    }

    /// Finds what all tickets refer to; what they bring in may be tickets themselves.
    fn follow_references(&mut self) -> Result<()> {
        let mut missing = Remarks::default();
        let mut next = 0;
        while next < self.parts.len() {
            let at = next;
            next += 1;
            let path = self.parts[at].path.clone();
            let Some(document) = self.take_ticket(at) else {
                continue;
            };
            let mut targets = Targets::new();
            for reference in references(&document) {
                if !reference.is_file || targets.contains_key(reference.url) {
                    continue;
                }
                match self.target(&path, &reference)? {
                    Target::Part(part) => {
                        targets.insert(reference.url.to_owned(), part);
                    }
                    // Devices fetch from servers; a path of this machine is another matter.
                    Target::Elsewhere if reference.location == Location::Http => {}
                    Target::Elsewhere => {
                        self.left.add(|| {
                            let place = place(&path, &reference);
                            format!(
                                "left as it is, it leads elsewhere: {place}: `{}`",
                                reference.url
                            )
                        });
                    }
                    Target::Nowhere(why) => {
                        missing.add(|| format!("{}: {why}", place(&path, &reference)));
                    }
                }
            }
            self.targets.insert(at, targets);
            self.parts[at].content = Content::Ticket(document);
        }
        let missing = missing.lines();
        ensure!(
            missing.is_empty(),
            "the package would not be whole\n{}",
            missing.join("\n")
        );
        Ok(())
    }

    /// The ticket that a part is, to be put back once it was worked on.
    fn take_ticket(&mut self, at: usize) -> Option<Box<Document>> {
        let content = &mut self.parts[at].content;
        if let Content::File { .. } = content {
            return None;
        }
        match std::mem::replace(content, Content::File { bytes: 0 }) {
            Content::Ticket(document) => Some(document),
            Content::File { .. } => None,
        }
    }

    fn target(&mut self, document: &Path, reference: &Reference<'_>) -> Result<Target> {
        let url = reference.url;
        let folder = document.parent().unwrap_or(Path::new(""));
        if reference.location == Location::Cid {
            // A part without an ID would get one from its name.
            let ids: Vec<String> = self.parts.iter().map(Part::wanted_id).collect();
            let names = self.parts.iter().zip(&ids).map(|(part, id)| PartName {
                content_id: Some(part.content_id.as_deref().unwrap_or(id)),
                file_name: Some(&part.name),
            });
            let beside = || safe_file_name(bare_id(url)).map(|name| folder.join(name));
            let part = match (PartIndex::new(names).resolve(url), beside()) {
                (Some(part), _) => part,
                // What `agog-jdf unpack` has put beside the ticket.
                (None, Some(path)) if path.is_file() => self.add(&path, is_ticket(&path))?,
                (None, _) => {
                    return Ok(Target::Nowhere(format!(
                        "none of the files is `{url}`: name the file, or keep track of files with `agog-jdf unpack --relink`"
                    )));
                }
            };
            // A part keeps the ID by which it is already called.
            let content_id = &mut self.parts[part].content_id;
            content_id.get_or_insert_with(|| plain_id(bare_id(url)));
            return Ok(Target::Part(part));
        }
        let Some(local) = local_path(url) else {
            return Ok(Target::Elsewhere);
        };
        let path = [local.as_str(), local.split(['?', '#']).next().unwrap_or("")]
            .map(|local| local.replace('\\', "/"))
            .map(|local| folder.join(local.strip_prefix("./").unwrap_or(&local)))
            .into_iter()
            .find_map(|path| Some((path.canonicalize().ok()?, path)));
        if let Some((canonical, _)) = &path
            && let Some(part) = self.by_path.get(canonical)
        {
            return Ok(Target::Part(*part));
        }
        match (reference.location, path) {
            (Location::Relative, Some((canonical, path))) => {
                let home = folder.join(".").canonicalize();
                if home.is_ok_and(|home| canonical.starts_with(home)) {
                    if !canonical.is_file() {
                        return Ok(Target::Nowhere(format!("`{url}` is no file")));
                    }
                    return self.add(&path, is_ticket(&path)).map(Target::Part);
                }
                Ok(Target::Nowhere(format!(
                    "`{url}` leads out of the folder of the ticket: name the file to pack it"
                )))
            }
            (Location::Relative, None) => {
                Ok(Target::Nowhere(format!("the file `{url}` is not there")))
            }
            (Location::Hostile, _) => Ok(Target::Nowhere(format!(
                "`{url}` leads out of the folder of the ticket: name the file to pack it"
            ))),
            _ => Ok(Target::Elsewhere),
        }
    }

    /// Gives every part an ID of its own: the one by which it is called, else its name.
    fn name_parts(&mut self) {
        let mut taken: HashSet<String> = [MESSAGES_ID.to_owned()].into();
        let given = self
            .parts
            .iter()
            .filter_map(|part| part.content_id.as_ref());
        taken.extend(given.map(|id| id.to_lowercase()));
        for part in &mut self.parts {
            if part.content_id.is_some() {
                continue;
            }
            let wanted = part.wanted_id();
            let mut id = wanted.clone();
            let mut number = 2;
            while !taken.insert(id.to_lowercase()) {
                id = format!("{number}-{wanted}");
                number += 1;
            }
            part.content_id = Some(id);
        }
    }

    fn rewrite_tickets(&mut self) -> Result<()> {
        for (at, targets) in std::mem::take(&mut self.targets) {
            let Some(document) = self.take_ticket(at) else {
                continue;
            };
            let document = self.with_ids(*document, &targets)?;
            self.parts[at].content = Content::Ticket(Box::new(document));
        }
        Ok(())
    }

    fn rewritten(&self, document: Document, targets: &Targets) -> Result<Vec<u8>> {
        Ok(self.with_ids(document, targets)?.to_bytes())
    }

    /// The document with its references turned to the parts that they mean.
    fn with_ids(&self, mut document: Document, targets: &Targets) -> Result<Document> {
        rewrite_references(&mut document, |reference| {
            let part = targets.get(reference.url).filter(|_| reference.is_file)?;
            Some(cid_url(self.parts[*part].content_id.as_deref()?))
        })?;
        Ok(document)
    }
}

/// The ID as it will be written: nothing in it needs an escape.
fn plain_id(id: &str) -> String {
    cid_url(id).split_off("cid:".len())
}

fn bare_id(url: &str) -> &str {
    let id = url.trim().get(4..).unwrap_or_default();
    id.trim_start_matches('/')
        .trim_matches(|c| c == '<' || c == '>')
}

fn place(file: &Path, reference: &Reference<'_>) -> String {
    let position = reference
        .element
        .attribute_position(reference.attribute)
        .unwrap_or_else(|| reference.element.position());
    format!(
        "{}:{}:{}: {}",
        file.display(),
        position.line,
        position.column,
        position.path
    )
}

/// A file that is opened when its turn comes: a package may hold more files than a process may open.
struct LazyFile {
    path: PathBuf,
    file: Option<File>,
}

impl LazyFile {
    fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
        }
    }
}

impl Read for LazyFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let named = |error: io::Error| {
            let message = format!("cannot read `{}`: {error}", self.path.display());
            io::Error::new(error.kind(), message)
        };
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::open(&self.path).map_err(named)?),
        };
        file.read(out).map_err(named)
    }
}
