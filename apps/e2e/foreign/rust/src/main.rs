//! A few tools on the Rust SDK: `server sessions | stateless`, at $PORT.
use std::{env, error::Error, fs::OpenOptions, io::Write, sync::Arc, time::Duration};

use rmcp::{
    ErrorData, ServerHandler,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, ContentBlock, ServerCapabilities, ServerConfig},
    schemars, tool, tool_handler, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde::Deserialize;

#[derive(Deserialize, schemars::JsonSchema)]
struct Said {
    text: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct SaidSlowly {
    text: String,
    seconds: f64,
}

/// Appends to the journal that the test reads, in one write: two calls at once share no line.
fn note(line: String) {
    let path = env::var("FOREIGN_JOURNAL").expect("FOREIGN_JOURNAL");
    let mut journal = OpenOptions::new().create(true).append(true).open(path).expect("the journal");
    journal.write_all(format!("{line}\n").as_bytes()).expect("the journal");
}

fn answer(text: String) -> Vec<ContentBlock> {
    vec![ContentBlock::text(text)]
}

#[derive(Clone)]
struct Tools;

#[tool_router]
impl Tools {
    #[tool(description = "Says it back.")]
    async fn echo(&self, Parameters(Said { text }): Parameters<Said>) -> Result<CallToolResult, ErrorData> {
        note(format!("echo {text}"));
        Ok(CallToolResult::success(answer(format!("echo: {text}"))))
    }

    #[tool(description = "Says it back after a while.")]
    async fn slow(
        &self,
        Parameters(SaidSlowly { text, seconds }): Parameters<SaidSlowly>,
    ) -> Result<CallToolResult, ErrorData> {
        note(format!("slow {text}"));
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        Ok(CallToolResult::success(answer(format!("slow: {text}"))))
    }

    #[tool(description = "Fails and says why.")]
    async fn fail(&self, Parameters(Said { text }): Parameters<Said>) -> Result<CallToolResult, ErrorData> {
        note(format!("fail {text}"));
        Ok(CallToolResult::error(answer(format!("failed: {text}"))))
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = StreamableHttpServerConfig::default();
    config.legacy_session_mode = env::args().nth(1).as_deref() == Some("sessions");
    let service = StreamableHttpService::new(|| Ok(Tools), Arc::new(LocalSessionManager::default()), config);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", env::var("PORT")?.parse()?)).await?;
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await?;
    Ok(())
}
