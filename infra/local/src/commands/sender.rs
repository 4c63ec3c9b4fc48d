//! What the commands that send events have in common: where to, as whom, signed with what.

use std::path::PathBuf;

use clap::Args;
use signalbox::domain::secret::Secret;
use signalbox_local::remote::point_of_sale::PointOfSale;

use super::remote::RemoteArguments;
use super::secret;

/// The variable that has the secret, here as for the functions.
const SECRET_VARIABLE: &str = "WEBHOOK_SECRET";

#[derive(Args)]
pub(crate) struct SenderArguments {
    #[command(flatten)]
    pub(crate) remote: RemoteArguments,
    /// The point of sale, as in the path
    #[arg(long, env = "SOURCE", default_value = "demo")]
    pub(crate) source: String,
    /// The tenant
    #[arg(long, env = "TENANT", default_value = "t1")]
    pub(crate) tenant: String,
    /// The secret of the points of sale. Without it the one in WEBHOOK_SECRET, so that it stays out of the shell's
    /// history; else the one in the local host's data folder
    #[arg(long)]
    secret: Option<String>,
    /// Sign path, tenant and key as well, for a deployment whose POS_SIGNED_HEADERS is accepted or required
    #[arg(long)]
    signed_headers: bool,
    /// The local host's data folder
    #[arg(long, env = "SIGNALBOX_DATA_DIR", default_value = ".signalbox", value_name = "FOLDER")]
    pub(crate) data_dir: PathBuf,
}

impl SenderArguments {
    pub(crate) fn sender(&self) -> Result<PointOfSale, Box<dyn std::error::Error>> {
        let secret = match &self.secret {
            Some(secret) => secret.clone(),
            None => secret(SECRET_VARIABLE, &self.data_dir)?,
        };
        let sender = PointOfSale::new(self.remote.remote()?, &self.source, &self.tenant, Secret::new(secret.trim()));
        Ok(sender.signing_headers(self.signed_headers))
    }
}
