//! Password hashes: Argon2id, and the original's bcrypt hashes for as long as they last.

use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD as B64;
use hmac::digest::CtOutput;
use hmac::digest::typenum::U32;
use tokio::sync::Semaphore;

use crate::config::PasswordConfig;

const SALT: usize = 16;
const OUTPUT: usize = 32;

/// Blocks of 1 KiB, more than 32 MiB in all: see [`memory`].
const RESERVED_BLOCKS: usize = 33 * 1024;

/// What comparing a password came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password, or there is no such account.
    Wrong,
    /// The password.
    Right {
        /// The hash is bcrypt's, or has other costs than the settings say: hash anew.
        outdated: bool,
    },
}

/// Why there is no verdict and no hash.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait for their turn.
    #[error("too many passwords to hash at once")]
    Busy,
    /// A stored hash that is neither Argon2id's nor bcrypt's.
    #[error("a stored password hash can't be read")]
    Unreadable,
    /// The hash could not be computed.
    #[error("a password hash could not be computed")]
    Failed,
}

/// Hashes and verifies passwords off the async threads, a few at a time. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    wait: Duration,
    max_length: usize,
    params: Params,
}

impl Passwords {
    /// Takes the costs of the settings.
    pub fn new(config: &PasswordConfig) -> Result<Self, PasswordError> {
        let params = Params::new(config.memory_kib, config.iterations, 1, Some(OUTPUT))
            .map_err(|_| PasswordError::Failed)?;
        Ok(Self {
            turns: Arc::new(Semaphore::new(config.parallel)),
            wait: config.wait.get(),
            max_length: config.max_length,
            params,
        })
    }

    /// The most characters of a new password.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// The hash to store.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let params = self.params.clone();
        self.blocking(move || {
            let stored = Argon2id {
                params,
                salt: rand::random::<[u8; SALT]>().to_vec(),
                output: Vec::new(),
            };
            let output = stored.compute(password.as_bytes())?;
            Ok(Argon2id {
                output: output.to_vec(),
                ..stored
            }
            .to_text())
        })
        .await
    }

    /// Compares. Without a stored hash (no such account) the answer is `Wrong`, after the same work.
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Verdict, PasswordError> {
        let (params, max_length) = (self.params.clone(), self.max_length);
        self.blocking(move || {
            // A password that can't have been set is not hashed at its whole length, but a wrong one it is all the same.
            let possible = password.len() <= max_length;
            let password = if possible { password.as_bytes() } else { b"" };
            let verdict = match stored {
                Some(bcrypt) if bcrypt.starts_with("$2") => {
                    match bcrypt::verify(password, &bcrypt)
                        .map_err(|_| PasswordError::Unreadable)?
                    {
                        true => Verdict::Right { outdated: true },
                        false => Verdict::Wrong,
                    }
                }
                Some(text) => {
                    let stored = Argon2id::from_text(&text).ok_or(PasswordError::Unreadable)?;
                    let outdated = !same_costs(&stored.params, &params);
                    match stored.matches(password)? {
                        true => Verdict::Right { outdated },
                        false => Verdict::Wrong,
                    }
                }
                None => {
                    Argon2id {
                        params,
                        salt: vec![0; SALT],
                        output: vec![0; OUTPUT],
                    }
                    .matches(password)?;
                    Verdict::Wrong
                }
            };
            Ok(if possible { verdict } else { Verdict::Wrong })
        })
        .await
    }

    /// Waits for a turn and runs `work` on a blocking thread. The turn is held until the work ends, also when the caller
    /// has gone.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.turns).acquire_owned());
        let turn = turn
            .await
            .map_err(|_| PasswordError::Busy)?
            .map_err(|_| PasswordError::Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        task.await.map_err(|_| PasswordError::Failed)?
    }
}

fn same_costs(one: &Params, other: &Params) -> bool {
    (one.m_cost(), one.t_cost(), one.p_cost()) == (other.m_cost(), other.t_cost(), other.p_cost())
}

/// A hash as it is stored: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<output>`.
struct Argon2id {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Argon2id {
    fn from_text(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('$').collect();
        let ["", "argon2id", "v=19", costs, salt, output] = parts.as_slice() else {
            return None;
        };
        let mut numbers = [0; 3];
        let mut costs = costs.split(',');
        for (number, name) in numbers.iter_mut().zip(["m=", "t=", "p="]) {
            *number = costs.next()?.strip_prefix(name)?.parse().ok()?;
        }
        let output = B64
            .decode(output)
            .ok()
            .filter(|output| output.len() == OUTPUT)?;
        let params = Params::new(numbers[0], numbers[1], numbers[2], Some(OUTPUT)).ok()?;
        Some(Self {
            params,
            salt: B64.decode(salt).ok()?,
            output,
        })
    }

    fn to_text(&self) -> String {
        let (m, t, p) = (
            self.params.m_cost(),
            self.params.t_cost(),
            self.params.p_cost(),
        );
        format!(
            "$argon2id$v=19$m={m},t={t},p={p}${}${}",
            B64.encode(&self.salt),
            B64.encode(&self.output)
        )
    }

    fn compute(&self, password: &[u8]) -> Result<[u8; OUTPUT], PasswordError> {
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let mut output = [0; OUTPUT];
        argon
            .hash_password_into_with_memory(
                password,
                &self.salt,
                &mut output,
                memory(self.params.block_count()),
            )
            .map_err(|_| PasswordError::Failed)?;
        Ok(output)
    }

    /// In constant time.
    fn matches(&self, password: &[u8]) -> Result<bool, PasswordError> {
        let stored: [u8; OUTPUT] = self
            .output
            .as_slice()
            .try_into()
            .map_err(|_| PasswordError::Unreadable)?;
        let computed = self.compute(password)?;
        Ok(CtOutput::<Fixed>::new(computed.into()) == CtOutput::<Fixed>::new(stored.into()))
    }
}

/// Carries the output's size into [`CtOutput`], whose comparison takes constant time.
struct Fixed;

impl hmac::digest::OutputSizeUser for Fixed {
    type OutputSize = U32;
}

/// Argon2's working memory, given back to the system when the hash is done.
///
/// More is reserved than is touched, on purpose: glibc keeps freed blocks of up to 32 MiB for the next use (and raises
/// its threshold by each), but always unmaps larger ones. An idle service would otherwise stay 19 MiB larger for each hash
/// that was ever computed at the same time. Only the blocks that are used are ever resident.
fn memory(blocks: usize) -> Vec<Block> {
    let mut memory = Vec::with_capacity(blocks.max(RESERVED_BLOCKS));
    memory.resize(blocks, Block::new());
    memory
}

#[cfg(test)]
mod tests {
    use mall_service::Span;

    use super::*;

    fn passwords(memory_kib: u32) -> Passwords {
        let wait = Span::secs(30);
        Passwords::new(&PasswordConfig {
            max_length: 256,
            memory_kib,
            iterations: 1,
            parallel: 2,
            wait,
        })
        .unwrap()
    }

    #[tokio::test]
    async fn verifies_what_it_hashed() {
        let passwords = passwords(64);
        let hash = passwords.hash("Abcdefg1!".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("Abcdefg1!".into()).await.unwrap());
        let verdict = passwords
            .verify("Abcdefg1!".into(), Some(hash.clone()))
            .await
            .unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: false });
        assert_eq!(
            passwords
                .verify("Abcdefg1?".into(), Some(hash))
                .await
                .unwrap(),
            Verdict::Wrong
        );
        assert_eq!(
            passwords.verify("Abcdefg1!".into(), None).await.unwrap(),
            Verdict::Wrong
        );
        assert_eq!(
            passwords.verify("x".repeat(100_000), None).await.unwrap(),
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn long_passwords_differ_to_their_end() {
        let passwords = passwords(64);
        let (one, other) = (
            format!("{}1", "a".repeat(80)),
            format!("{}2", "a".repeat(80)),
        );
        let hash = passwords.hash(one).await.unwrap();
        assert_eq!(
            passwords.verify(other, Some(hash)).await.unwrap(),
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn other_costs_are_outdated() {
        let hash = passwords(64).hash("Abcdefg1!".into()).await.unwrap();
        let verdict = passwords(128)
            .verify("Abcdefg1!".into(), Some(hash))
            .await
            .unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
    }

    /// Known answers: argon2id of another implementation (the reference's own test: m=65536, t=2, p=1), and jBCrypt's.
    #[tokio::test]
    async fn known_hashes_verify() {
        let reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let verdict = passwords(64)
            .verify("password".into(), Some(reference.into()))
            .await
            .unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
        let jbcrypt = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
        let verdict = passwords(64)
            .verify("abc".into(), Some(jbcrypt.into()))
            .await
            .unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
        let spring = bcrypt::hash_with_salt("Abcdefg1!", 4, *b"0123456789abcdef")
            .unwrap()
            .format_for_version(bcrypt::Version::TwoA);
        assert!(spring.starts_with("$2a$04$"));
        let verdict = passwords(64)
            .verify("Abcdefg1!".into(), Some(spring.clone()))
            .await
            .unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
        assert_eq!(
            passwords(64)
                .verify("Abcdefg1?".into(), Some(spring))
                .await
                .unwrap(),
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn rubbish_is_no_hash() {
        for bad in [
            "",
            "x",
            "$argon2id$v=19$m=64,t=1,p=1$AAAA",
            "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AA",
            "$2a$xx",
        ] {
            let verdict = passwords(64)
                .verify("Abcdefg1!".into(), Some(bad.to_owned()))
                .await;
            assert!(matches!(verdict, Err(PasswordError::Unreadable)), "{bad}");
        }
    }

    #[tokio::test]
    async fn waits_only_so_long_for_a_turn() {
        let wait = Span::millis(20);
        let config = PasswordConfig {
            max_length: 256,
            memory_kib: 64,
            iterations: 1,
            parallel: 1,
            wait,
        };
        let passwords = Passwords::new(&config).unwrap();
        let _turn = passwords.turns.clone().acquire_owned().await.unwrap();
        assert!(matches!(
            passwords.hash("x".into()).await,
            Err(PasswordError::Busy)
        ));
    }

    /// In a process of its own: the other tests of this one need memory too.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_memory_goes_back() {
        const ALONE: &str = "MALL_TEST_ALONE";
        fn resident_kib() -> usize {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status
                .lines()
                .find(|line| line.starts_with("VmRSS:"))
                .unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        }
        if std::env::var_os(ALONE).is_none() {
            let name = "security::passwords::tests::the_memory_goes_back";
            let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
            let output = alone
                .args(["--exact", name, "--nocapture"])
                .env(ALONE, "1")
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{text}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
            return;
        }
        let passwords = passwords(19456);
        let before = resident_kib();
        for _ in 0..4 {
            let (one, two) = tokio::join!(passwords.hash("a".into()), passwords.hash("b".into()));
            one.and(two).unwrap();
        }
        let after = resident_kib();
        assert!(
            after < before + 4 * 1024,
            "{before} KiB before, {after} KiB after"
        );
    }
}
