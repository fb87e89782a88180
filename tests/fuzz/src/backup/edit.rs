//! What damage and malice do to the lines of a file.

/// How many bytes of an input say one edit.
const LENGTH: usize = 5;

/// Takes the edits off the front of `data`, as many as its first byte says, at most three.
pub(crate) fn edits(data: &[u8]) -> (Vec<[u8; LENGTH]>, &[u8]) {
    let (count, mut rest) = super::super::choice(data);
    let mut edits = vec![];
    for _ in 0..=count % 3 {
        let Some((edit, after)) = rest.split_first_chunk() else {
            break;
        };
        edits.push(*edit);
        rest = after;
    }
    (edits, rest)
}

/// The files that lines are taken from beside the one that is edited.
pub(crate) struct Others {
    /// With a salt of its own, as any other file.
    pub(crate) stranger: Vec<Vec<u8>>,
    /// With the same salt, which no two files have: its lines open in the place of the own ones.
    pub(crate) twin: Vec<Vec<u8>>,
}

/// Does the edit take lines from the [twin](Others::twin)?
pub(crate) fn takes_from_twin([what, ..]: &[u8; LENGTH]) -> bool {
    matches!(what, b't' | b'T')
}

/// Changes `lines` as `edit` says.
pub(crate) fn apply(
    [what, a, b, c, d]: [u8; LENGTH],
    mut lines: Vec<Vec<u8>>,
    others: &Others,
) -> Vec<Vec<u8>> {
    if lines.is_empty() {
        return lines;
    }
    let (i, j) = (usize::from(a) % lines.len(), usize::from(b) % lines.len());
    let line = &mut lines[i];
    let at = usize::from(u16::from_be_bytes([b, c])) % (line.len() + 1);
    match what {
        b'c' => {
            line.truncate(at);
            lines.truncate(i + 1);
        }
        b'd' => drop(lines.remove(i)),
        b's' => lines.swap(i, j),
        b'r' => lines.insert(j, lines[i].clone()),
        b'o' => replace(line, &others.stranger, i),
        b't' => replace(line, &others.twin, i),
        b'O' => replace_from(&mut lines, &others.stranger, i),
        b'T' => replace_from(&mut lines, &others.twin, i),
        b'i' => line.insert(at, d),
        b'l' => drop(line.splice(at..at, vec![d; (1 + usize::from(a)) * 1024])),
        b'a' => lines.push(vec![d; usize::from(c)]),
        _ => line.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= d),
    }
    lines
}

fn replace(line: &mut Vec<u8>, by: &[Vec<u8>], at: usize) {
    if let Some(other) = by.get(at) {
        line.clone_from(other);
    }
}

fn replace_from(lines: &mut Vec<Vec<u8>>, by: &[Vec<u8>], at: usize) {
    lines.truncate(at);
    lines.extend(by.iter().skip(at).cloned());
}
