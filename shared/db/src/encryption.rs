//! TLS towards the server, in JDBC's words: `sslMode` and the older `useSSL` in the address, and whose certificates count.

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

/// What the address's query says of encryption. Nothing said: encrypted when the server can, as MySQL's own driver does.
///
/// `ca` is a file, or the text, of the certificates (PEM) that sign the server's; without it the well-known authorities count.
pub(crate) fn encrypted(
    options: MySqlConnectOptions,
    query: &str,
    ca: Option<&str>,
) -> Result<MySqlConnectOptions, sqlx::Error> {
    let options = match mode(query)? {
        Some(mode) => options.ssl_mode(mode),
        None => options,
    };
    Ok(match ca.filter(|ca| !ca.is_empty()) {
        Some(text) if text.contains("-----BEGIN") => {
            options.ssl_ca_from_pem(text.as_bytes().to_vec())
        }
        Some(file) => options.ssl_ca(file),
        None => options,
    })
}

fn mode(query: &str) -> Result<Option<MySqlSslMode>, sqlx::Error> {
    let said = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    };
    // The names of MySQL's driver, then those of MariaDB's.
    match said("sslMode").map(str::to_ascii_uppercase).as_deref() {
        Some("DISABLED" | "DISABLE") => return Ok(Some(MySqlSslMode::Disabled)),
        Some("PREFERRED") => return Ok(Some(MySqlSslMode::Preferred)),
        Some("REQUIRED" | "TRUST") => return Ok(Some(MySqlSslMode::Required)),
        Some("VERIFY_CA" | "VERIFY-CA") => return Ok(Some(MySqlSslMode::VerifyCa)),
        Some("VERIFY_IDENTITY" | "VERIFY-FULL") => return Ok(Some(MySqlSslMode::VerifyIdentity)),
        Some(other) => {
            return Err(sqlx::Error::Configuration(
                format!(
                    "sslMode={other} is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY"
                )
                .into(),
            ));
        }
        None => {}
    }
    Ok(
        match said("useSSL").map(str::to_ascii_lowercase).as_deref() {
            Some("true") => Some(MySqlSslMode::Required),
            Some("false") => Some(MySqlSslMode::Disabled),
            _ => None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_in_the_words_of_both_drivers() {
        let of = |query| mode(query).unwrap().map(|mode| format!("{mode:?}"));
        assert_eq!(
            of("useSSL=false&serverTimezone=UTC"),
            Some("Disabled".into())
        );
        assert_eq!(
            of("useSSL=true&sslMode=VERIFY_IDENTITY"),
            Some("VerifyIdentity".into())
        );
        assert_eq!(of("sslMode=verify-full"), Some("VerifyIdentity".into()));
        assert_eq!(of("sslMode=trust"), Some("Required".into()));
        assert_eq!(of(""), None);
        assert!(
            mode("sslMode=maybe")
                .unwrap_err()
                .to_string()
                .contains("MAYBE")
        );
    }
}
