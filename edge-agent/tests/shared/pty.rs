//! A device at a serial port: the other end of a pseudo-terminal, under a name that stays when it is plugged in again.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_serial::{SerialPort, SerialStream};

/// A device that is plugged in. Dropped, it is unplugged.
pub(crate) struct Plugged {
    device: SerialStream,
    /// Held, so that nobody sees a port without a device before the agent has opened it.
    _port: SerialStream,
}

/// Plugs a device in: `name` leads to its port.
pub(crate) fn plug_in(name: &Path) -> Plugged {
    let (device, port) = SerialStream::pair().unwrap();
    let path = port.name().expect("a pseudo-terminal has a path");
    // In one step, as udev does it.
    let new = name.with_extension("new");
    std::os::unix::fs::symlink(path, &new).unwrap();
    std::fs::rename(new, name).unwrap();
    Plugged {
        device,
        _port: port,
    }
}

impl Plugged {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.device.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Waits for a request.
    pub(crate) async fn is_asked(&mut self, request: &str) {
        let mut asked = vec![0; request.len()];
        self.device.read_exact(&mut asked).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&asked), request);
    }

    /// The device is gone, and its name too.
    pub(crate) fn pull_out(self, name: &Path) {
        std::fs::remove_file(name).unwrap();
        drop(self);
    }
}

/// The name of a port in a folder.
pub(crate) fn port_name(folder: &Path, device: &str) -> PathBuf {
    folder.join(format!("usb-{device}"))
}
