//! Addresses that stay with a test while whatever listens there is off.
//!
//! Tests run side by side. An address that is let go is soon another test's, and what the agent of this one goes on
//! sending to a device that is off would reach the device of that one.

use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::net::TcpSocket;

/// They have an address and do not listen: whoever calls is refused.
static KEPT: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());

/// A loopback address for something that may listen there now and then, until the program of the test ends.
pub(crate) fn anywhere() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    // With this, and only with it, another socket of the test may listen there.
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    KEPT.lock().unwrap().push(socket);
    address
}

#[tokio::test]
async fn a_device_that_is_off_refuses_calls_and_nobody_else_gets_its_address() {
    let press = crate::press::Press::default();
    let on = press.switch_on(anywhere());
    let address = on.address;

    on.off().await;

    let called = tokio::net::TcpStream::connect(address).await;
    let refused = std::io::ErrorKind::ConnectionRefused;
    assert_eq!(called.unwrap_err().kind(), refused);
    let other = TcpSocket::new_v4().unwrap();
    assert!(other.bind(address).is_err(), "it is kept");
    let again = press.switch_on(address);
    assert_eq!(again.address, address);
}
