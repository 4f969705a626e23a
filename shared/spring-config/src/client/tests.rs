use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers every request with one text and keeps what was asked.
async fn server_answering(answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if socket.read_exact(&mut byte).await.is_err() {
                    break;
                }
                request.extend(byte);
            }
            kept.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&request).into_owned());
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, asked)
}

const FOUND: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n{\"name\":\"a\",\"profiles\":[\"x\"],\"label\":null,\"propertySources\":[{\"name\":\"high\",\"source\":{\"k\":{\"value\":1,\"origin\":\"1:1\"}}},{\"name\":\"low\",\"source\":{\"k\":2}}]}";

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn asks_with_the_login_of_the_address_and_unwraps() {
    let (address, asked) = server_answering(FOUND).await;
    let client = ConfigClient::new(&format!(
        "optional:configserver:http://us%40er:p%3Aw@{address}/cfg/"
    ))
    .unwrap()
    .with_timeout(SECOND);
    assert!(!format!("{client:?}").contains("p:w"));
    let sources = client
        .fetch("application-order", "dev,mysql", Some("feature/x"))
        .await
        .unwrap();
    assert_eq!(sources[0].name, "high");
    assert_eq!(sources[0].get("k"), Some(&serde_json::Value::from(1)));
    let request = asked.lock().unwrap()[0].clone();
    assert!(
        request.starts_with("GET /cfg/application-order/dev,mysql/feature(_)x HTTP/1.1"),
        "{request}"
    );
    // "us@er:p:w" in base64.
    assert!(request.contains("Basic dXNAZXI6cDp3"), "{request}");
}

#[tokio::test]
async fn nothing_there_is_an_empty_list_and_other_answers_are_errors() {
    let (missing, _) = server_answering(
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    )
    .await;
    let client = ConfigClient::new(&format!("http://{missing}"))
        .unwrap()
        .with_timeout(SECOND);
    assert!(client.fetch("a", "", None).await.unwrap().is_empty());

    let (closed, _) = server_answering(
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    )
    .await;
    let client = ConfigClient::new(&format!("http://{closed}"))
        .unwrap()
        .with_timeout(SECOND);
    let error = client.fetch("a", "", None).await.unwrap_err();
    assert!(
        matches!(error, ConfigError::Status { status: 401, .. }),
        "{error}"
    );

    let (odd, _) =
        server_answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
            .await;
    let client = ConfigClient::new(&format!("http://{odd}"))
        .unwrap()
        .with_timeout(SECOND);
    let error = client.fetch("a", "", None).await;
    assert!(
        matches!(error, Err(ConfigError::Answer { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_silent_server_times_out_and_the_next_one_is_asked() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().map(|a| (a, silent)).unwrap();
    let (address, _) = server_answering(FOUND).await;
    let short = Duration::from_millis(200);
    let alone = ConfigClient::new(&format!("http://{}", silent.0))
        .unwrap()
        .with_timeout(short);
    let error = alone.fetch("a", "", None).await.unwrap_err();
    assert!(matches!(&error, ConfigError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("timed out"), "{error}");
    let both = ConfigClient::new(&format!("http://{},http://{address}", silent.0))
        .unwrap()
        .with_timeout(short);
    assert_eq!(both.fetch("a", "", None).await.unwrap().len(), 2);
}

#[test]
fn addresses_that_are_none_are_refused_without_showing_a_password() {
    for bad in [
        "",
        "localhost:8081",
        "https://u:secret@h",
        "http//u:secret@h",
        "file:///x",
    ] {
        let error = ConfigClient::new(bad).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
