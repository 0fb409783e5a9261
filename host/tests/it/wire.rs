//! A wire between the host and its database that a test can cut at a chosen place.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How PostgreSQL says that a statement outside of a transaction has ended.
const READY: &[u8] = b"Z\0\0\0\x05I";

/// What happens to the connection on which the mark is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The database never hears of it.
    Before,
    /// The database hears of it; whether it is done then, nobody knows.
    Meanwhile,
    /// The database has done it, and its answer is lost.
    After,
}

type Armed = Arc<Mutex<Option<(Vec<u8>, Cut)>>>;

/// A wire; it cuts once for each time that it is armed.
pub struct Wire {
    pub port: u16,
    armed: Armed,
}

impl Wire {
    /// A wire to a port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self { port: listener.local_addr().unwrap().port(), armed: Armed::default() };
        let armed = Arc::clone(&wire.armed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let armed = Arc::clone(&armed);
                // An end that is lost is what this is for.
                tokio::spawn(async move { drop(pass_on(client, port, &armed).await) });
            }
        });
        wire
    }

    /// The next connection that carries these bytes towards the database is cut there.
    pub fn arm(&self, mark: &[u8], cut: Cut) {
        *self.armed.lock().unwrap() = Some((mark.to_vec(), cut));
    }

    /// Whether it was cut since it was armed.
    pub fn has_cut(&self) -> bool {
        self.armed.lock().unwrap().is_none()
    }
}

async fn pass_on(mut client: TcpStream, port: u16, armed: &Armed) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut asked, mut said) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    // The end of what went before: a mark may come in two pieces.
    let mut tail = Vec::new();
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let length = read?;
                if length == 0 {
                    return Ok(());
                }
                tail.extend_from_slice(&asked[..length]);
                let cut = take(armed, &tail);
                if cut != Some(Cut::Before) {
                    server.write_all(&asked[..length]).await?;
                }
                match cut {
                    Some(Cut::Before | Cut::Meanwhile) => return Ok(()),
                    Some(Cut::After) => return hear_out(&mut client, &mut server).await,
                    // What was said before it is armed does not count.
                    None if armed.lock().unwrap().is_none() => tail.clear(),
                    None => drop(tail.drain(..tail.len().saturating_sub(64))),
                }
            }
            read = server.read(&mut said) => {
                let length = read?;
                if length == 0 {
                    return Ok(());
                }
                client.write_all(&said[..length]).await?;
            }
        }
    }
}

/// How to cut, when the mark has come by.
fn take(armed: &Armed, bytes: &[u8]) -> Option<Cut> {
    let mut armed = armed.lock().unwrap();
    let (mark, cut) = armed.as_ref()?;
    let cut = bytes.windows(mark.len()).any(|window| window == mark).then_some(*cut)?;
    *armed = None;
    Some(cut)
}

/// Waits until the database is done, and keeps what it says.
async fn hear_out(client: &mut TcpStream, server: &mut TcpStream) -> std::io::Result<()> {
    let (mut asked, mut said, mut heard) = (vec![0; 64 << 10], vec![0; 64 << 10], Vec::new());
    while !heard.ends_with(READY) {
        tokio::select! {
            read = client.read(&mut asked) => server.write_all(&asked[..read?]).await?,
            read = server.read(&mut said) => heard.extend_from_slice(&said[..read?]),
        }
    }
    Ok(())
}
