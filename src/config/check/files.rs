//! Files and folders of this machine, as far as they exist.

use crate::config::Config;
use crate::config::problem::Wrong;
use crate::config::report::Report;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(crate) fn logo(config: &Config, report: &mut Report) {
    const MOST: u64 = 1 << 20;
    let Some(path) = &config.portal.logo_file else {
        return;
    };
    let extension = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default();
    let wrong = match std::fs::metadata(path) {
        Err(error) => format!("cannot read {}: {error}", path.display()),
        Ok(found) if !found.is_file() => format!("{} is no file", path.display()),
        Ok(found) if found.len() > MOST => format!("{} is larger than 1 MiB", path.display()),
        Ok(_) if !matches!(extension, "svg" | "png" | "jpg" | "jpeg" | "webp") => {
            format!("{} is no image by its name", path.display())
        }
        Ok(_) => return,
    };
    let hint = "name an .svg, .png, .jpg or .webp file of at most 1 MiB";
    report.refuse(&["portal.logo_file"], Wrong::new(wrong, hint));
}

pub(crate) fn data(config: &Config, report: &mut Report) {
    let folder = &config.data_dir;
    // The kernel takes at most 107 bytes for the path of a socket (unix(7)).
    if folder.join("admin.sock").as_os_str().len() > 107 {
        let what = "its admin.sock would have a path of more than 107 bytes";
        let wrong = Wrong::new(what, "name a folder with a shorter path");
        report.refuse(&["data_dir"], wrong);
    }
    match std::fs::metadata(folder) {
        Ok(found) if !found.is_dir() => {
            let what = format!("{} is no folder", folder.display());
            report.refuse(
                &["data_dir"],
                Wrong::new(what, "name a folder, or a place for a new one"),
            );
        }
        Ok(found) => folder_mode(folder, found.mode(), report),
        Err(_) => {} // not there yet: we make it ourselves
    }
    let key_file = &config.storage.master_key_file;
    if let Ok(found) = std::fs::metadata(key_file)
        && let Some(wrong) = key_file_wrong(key_file, &found)
    {
        report.refuse(&["storage.master_key_file", "data_dir"], wrong);
    }
}

/// It may be missing; a scheduled backup makes it.
pub(crate) fn backups(config: &Config, report: &mut Report) {
    let Some(folder) = &config.backup.folder else {
        return;
    };
    if std::fs::metadata(folder).is_ok_and(|found| !found.is_dir()) {
        let what = format!("{} is no folder", folder.display());
        let hint = "name a folder, or a place for a new one";
        report.refuse(&["backup.folder"], Wrong::new(what, hint));
    }
}

fn folder_mode(folder: &Path, mode: u32, report: &mut Report) {
    if mode & 0o002 != 0 {
        let what = format!("everybody can write to {}", folder.display());
        let hint = format!("chmod 700 {}", folder.display());
        report.refuse(&["data_dir"], Wrong::new(what, hint));
    } else if mode & 0o077 != 0 {
        let what = format!("others can look into {}", folder.display());
        let hint = format!("chmod 700 {}", folder.display());
        report.warn(&["data_dir"], Wrong::new(what, hint));
    }
}

/// A key that others can read or change protects nothing (ASVS V13.3.2).
fn key_file_wrong(path: &Path, found: &Metadata) -> Option<Wrong> {
    let file = path.display();
    if !found.is_file() {
        let what = format!("{file} is no file");
        return Some(Wrong::new(what, "name a file, or a place for a new one"));
    }
    if found.mode() & 0o077 != 0 {
        let what = format!(
            "others can read or change {file} (mode {:04o})",
            found.mode() & 0o7777
        );
        return Some(Wrong::new(what, format!("chmod 600 {file}")));
    }
    let me = rustix::process::geteuid().as_raw();
    if !is_trusted_owner(found.uid(), me) {
        let what = format!("{file} belongs to another user (uid {})", found.uid());
        return Some(Wrong::new(what, format!("chown {me} {file}")));
    }
    None
}

/// Root could read any file anyway.
pub(crate) fn is_trusted_owner(owner: u32, me: u32) -> bool {
    owner == me || owner == 0
}
