//! Sends a package with a file of 2 GB from the writer to the splitter and tells the peak memory of the
//! process, which must stay below 16 MiB. The file is made on the fly: no disk is involved.
//!
//! `cargo run --release -p agog-jdf --example package_memory [MEGABYTES]`

use std::error::Error;
use std::io::{self, Read, Write as _};
use std::time::Instant;

use agog_jdf::package::{Event, FileHead, PackageLimits, PackageWriter, Splitter};

const MEGABYTES: u64 = 2048;
const PEAK_KIBIBYTES_MAX: u64 = 16 * 1024;

/// Bytes that do not repeat and hold line ends as often as binary files do.
struct Noise(u64);

impl Read for Noise {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        for bytes in out.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            bytes.copy_from_slice(&self.0.to_le_bytes()[..bytes.len()]);
        }
        Ok(out.len())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => MEGABYTES,
    };
    let length = megabytes << 20;
    let mut writer = PackageWriter::new([1; 16]);
    let head = FileHead {
        content_id: "page",
        content_type: "application/pdf",
        file_name: None,
    };
    writer.file(
        &head,
        Some(length),
        Noise(0x9E37_79B9_7F4A_7C15).take(length),
    );
    writer.jmf(b"<JMF/>".to_vec());
    let mut splitter = Splitter::new(Some(&writer.content_type()), &PackageLimits::default());
    let mut reader = writer.into_reader();
    let mut chunk = vec![0; 64 * 1024];
    let (mut parts, mut bytes, mut peak_held) = (0_u32, 0_u64, 0);
    let start = Instant::now();
    loop {
        let length = reader.read(&mut chunk)?;
        if length == 0 {
            splitter.finish();
        }
        splitter.push(&chunk[..length]);
        peak_held = peak_held.max(splitter.held_bytes());
        while let Some(event) = splitter.next_event()? {
            match event {
                Event::Part(_) => (parts, bytes) = (parts + 1, 0),
                Event::Body(piece) => bytes += piece.len() as u64,
                Event::PartEnd | Event::End { .. } => {}
            }
        }
        if length == 0 {
            break;
        }
    }
    if (parts, bytes) != (2, length) {
        return Err(format!("{parts} parts, the last of {bytes} bytes").into());
    }
    let peak = peak_kibibytes().ok_or("the peak memory is told on Linux only")?;
    writeln!(
        io::stdout(),
        "package of {megabytes} MiB: {:.2} s, splitter held {peak_held} bytes at most, peak of the process {peak} KiB",
        start.elapsed().as_secs_f64()
    )?;
    if peak > PEAK_KIBIBYTES_MAX {
        return Err("more than 16 MiB".into());
    }
    Ok(())
}

fn peak_kibibytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
