//! A device made by hand, for answers that no real one gives on purpose: each connection gets the next answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

/// What arrived at the device.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) content_type: String,
    pub(crate) bytes: u64,
    /// As much of the body as is worth keeping.
    pub(crate) body: Vec<u8>,
}

/// Bytes of a body that are kept.
const KEPT_BYTES: u64 = 1 << 20;

type Answer = Box<dyn FnOnce(&Request, &mut TcpStream) + Send>;

/// A device that takes as many connections as it has answers.
pub(crate) struct Device {
    address: String,
    thread: JoinHandle<Vec<Request>>,
}

impl Device {
    pub(crate) fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::on(listener, answers)
    }

    /// The same behind an address that is already known.
    pub(crate) fn on(listener: TcpListener, answers: Vec<Answer>) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let thread = std::thread::spawn(move || {
            let serve = |answer: Answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = read(&stream);
                answer(&request, &mut stream);
                request
            };
            answers.into_iter().map(serve).collect()
        });
        Self { address, thread }
    }

    /// One that gives a single answer.
    pub(crate) fn answering(status: &str, content_type: &str, body: &str) -> Self {
        Self::new(vec![answer(status, content_type, body)])
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/jmf", self.address)
    }

    /// What arrived, once all answers are given.
    pub(crate) fn requests(self) -> Vec<Request> {
        self.thread.join().unwrap()
    }
}

/// An ordinary answer.
pub(crate) fn answer(status: &str, content_type: &str, body: &str) -> Answer {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    raw(answer)
}

/// These bytes and then the end, whatever HTTP says to them.
pub(crate) fn raw(answer: String) -> Answer {
    Box::new(move |_, stream| stream.write_all(answer.as_bytes()).unwrap())
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut request = Request::default();
    reader.read_line(&mut request.line).unwrap();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-type" => value.trim().clone_into(&mut request.content_type),
            "content-length" => request.bytes = value.trim().parse().unwrap(),
            _ => {}
        }
    }
    let mut body = reader.take(request.bytes);
    let mut kept = body.by_ref().take(KEPT_BYTES);
    kept.read_to_end(&mut request.body).unwrap();
    std::io::copy(&mut body, &mut std::io::sink()).unwrap();
    request
}
