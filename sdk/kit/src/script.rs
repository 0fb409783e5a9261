//! Plugins in JavaScript and Python: their own SDKs make the component, in the folder of the plugin.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process::output;
use crate::{Error, Result};

/// Where the JavaScript SDK is, once npm has installed it.
const JS_SDK: &str = "node_modules/@guildhall/sdk";

/// Makes a component of a plugin in JavaScript, and says which version of the SDK did it.
pub fn javascript(folder: &Path, to: &Path) -> Result<Option<String>> {
    let program = Path::new(JS_SDK).join("bin/componentize.mjs");
    if !folder.join(&program).exists() {
        let text = format!("{}: {JS_SDK} is not there: run `npm install` in the folder", folder.display());
        return Err(Error::Missing(text));
    }
    let mut node = Command::new("node");
    node.current_dir(folder).arg(program).arg("--out").arg(to);
    output(&mut node, "install Node.js 20 or newer, https://nodejs.org", true)?;
    let package = std::fs::read_to_string(folder.join(JS_SDK).join("package.json")).ok();
    let package = package.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    Ok(package.and_then(|package| Some(package["version"].as_str()?.to_owned())))
}

/// The same for Python.
pub fn python(folder: &Path, to: &Path) -> Result<Option<String>> {
    const REMEDY: &str = "install Python 3.11 or newer";
    let python = || {
        let mut command = Command::new("python3");
        command.current_dir(folder);
        command
    };
    let asked = "import importlib.util as u, sys; sys.exit(u.find_spec('guildhall_sdk') is None)";
    output(python().args(["-c", asked]), REMEDY, false).map_err(|error| match error {
        Error::Build(_) => Error::Missing(format!(
            "python3 does not find guildhall_sdk, which {} needs: run `pip install guildhall-sdk`, in an environment \
             that is active here",
            folder.display()
        )),
        other => other,
    })?;
    output(python().args(["-m", "guildhall_sdk.componentize", "--out"]).arg(to), REMEDY, true)?;
    let asked = "import importlib.metadata as m; print(m.version('guildhall-sdk'))";
    Ok(output(python().args(["-c", asked]), REMEDY, false).ok().map(|text| text.trim().to_owned()))
}
