use plant::Password;

/// A password as it is now: one in a file may be changed while the daemon runs.
///
/// # Errors
/// If its file cannot be read, in words for a person.
pub fn read_password(password: &Password) -> Result<String, String> {
    match password {
        Password::Text(text) => Ok(text.clone()),
        Password::File(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| format!("password_file {}: cannot be read: {error}", file.display()))?;
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
    }
}
