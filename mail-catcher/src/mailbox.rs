//! The folder in which the mails lie.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, path::Path};

use crate::Mail;

/// A folder of mails, of which the newest are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailbox {
    folder: Arc<Path>,
    keep: usize,
}

impl Mailbox {
    /// The folder that the catcher writes to.
    #[must_use]
    pub fn new(folder: PathBuf, keep: usize) -> Mailbox {
        Mailbox {
            folder: folder.into(),
            keep,
        }
    }

    /// The newest first; those to one address, or all. Never more than are kept.
    pub fn mails(&self, to: Option<&str>) -> io::Result<Vec<Mail>> {
        let mut mails = Vec::new();
        for id in self.ids()?.into_iter().take(self.keep) {
            // Gone since the folder was read: forgotten.
            let Some(source) = self.source(&id)? else {
                continue;
            };
            let mail = Mail::read(&id, &source);
            if to.is_none_or(|to| mail.to.eq_ignore_ascii_case(to)) {
                mails.push(mail);
            }
        }
        Ok(mails)
    }

    /// A mail as it came. Whatever `id` says, nothing outside the folder is read.
    pub fn source(&self, id: &str) -> io::Result<Option<String>> {
        if id.starts_with('.') || id.contains(['/', '\\', '\0']) {
            return Ok(None);
        }
        match fs::read(self.folder.join(format!("{id}.eml"))) {
            Ok(source) => Ok(Some(String::from_utf8_lossy(&source).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets all.
    pub fn clear(&self) -> io::Result<()> {
        self.forget(0)
    }

    /// Forgets all but the newest.
    pub fn prune(&self) -> io::Result<()> {
        self.forget(self.keep)
    }

    /// Prunes now and then, for ever.
    pub async fn keep_small(&self, pause: Duration) -> Infallible {
        loop {
            // A folder that can't be read shows on the page.
            let _ = self.prune();
            tokio::time::sleep(pause).await;
        }
    }

    fn forget(&self, keep: usize) -> io::Result<()> {
        for id in self.ids()?.into_iter().skip(keep) {
            match fs::remove_file(self.folder.join(format!("{id}.eml"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The newest first: names begin with the moment of arrival.
    fn ids(&self) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            if let Some(id) = name.strip_suffix(".eml") {
                ids.push(id.to_owned());
            }
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids)
    }
}
