import io.modelcontextprotocol.modern.server.McpSyncResponse;
import io.modelcontextprotocol.modern.server.feature.McpSyncTool;
import io.modelcontextprotocol.modern.server.feature.McpSyncToolRepository;
import io.modelcontextprotocol.modern.server.feature.ToolsFeature;
import io.modelcontextprotocol.modern.server.feature.ToolsPage;
import io.modelcontextprotocol.modern.server.transport.HttpServletMcpTransport;
import io.modelcontextprotocol.server.McpServer;
import io.modelcontextprotocol.server.transport.HttpServletStreamableServerTransportProvider;
import io.modelcontextprotocol.spec.McpSchema;
import jakarta.servlet.http.HttpServlet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.apache.catalina.startup.Tomcat;

/** A few tools on the Java SDK: `Server sessions | modern`, at $PORT. `modern` speaks 2026-07-28 alone. */
public final class Server {
  private static final Map<String, Object> TEXT = Map.of("text", Map.of("type", "string"));
  private static final Map<String, Object> TEXT_AND_SECONDS =
      Map.of("text", Map.of("type", "string"), "seconds", Map.of("type", "number"));

  private record Said(String text, boolean isError) {}

  private record Tool(String name, String description, Map<String, Object> properties) {
    Map<String, Object> schema() {
      return Map.of("type", "object", "properties", properties, "required", List.copyOf(properties.keySet()));
    }
  }

  private static final List<Tool> TOOLS = List.of(
      new Tool("echo", "Says it back.", TEXT),
      new Tool("slow", "Says it back after a while.", TEXT_AND_SECONDS),
      new Tool("fail", "Fails and says why.", TEXT));

  /** Appends to the journal that the test reads, then does what the tool is for. */
  private static Said run(String tool, Map<String, Object> arguments) {
    String text = String.valueOf(arguments.get("text"));
    try {
      Files.writeString(Path.of(System.getenv("FOREIGN_JOURNAL")), tool + " " + text + "\n",
          StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      if (tool.equals("slow")) {
        Thread.sleep((long) (((Number) arguments.get("seconds")).doubleValue() * 1000));
      }
    } catch (IOException | InterruptedException failure) {
      throw new IllegalStateException(failure);
    }
    return new Said(tool + ": " + text, tool.equals("fail"));
  }

  private static HttpServlet withSessions() {
    var transport = HttpServletStreamableServerTransportProvider.builder().mcpEndpoint("/mcp").build();
    var server = McpServer.sync(transport).serverInfo("java", "1.0.0")
        .capabilities(McpSchema.ServerCapabilities.builder().tools(true).build());
    for (Tool tool : TOOLS) {
      var definition = McpSchema.Tool.builder().name(tool.name()).description(tool.description())
          .inputSchema(tool.schema()).build();
      server.toolCall(definition, (exchange, request) -> {
        Said said = run(tool.name(), request.arguments());
        return McpSchema.CallToolResult.builder().addTextContent(said.text()).isError(said.isError()).build();
      });
    }
    server.build();
    return transport;
  }

  private static HttpServlet modern() {
    List<McpSyncTool> tools = TOOLS.stream().map(Server::modernTool).toList();
    var repository = new McpSyncToolRepository() {
      @Override
      public ToolsPage list(io.modelcontextprotocol.modern.server.McpRequestContext context, String cursor) {
        return ToolsPage.of(tools.stream().map(McpSyncTool::definition).toList());
      }

      @Override
      public McpSyncTool find(io.modelcontextprotocol.modern.server.McpRequestContext context, String name) {
        return tools.stream().filter(tool -> tool.definition().name().equals(name)).findFirst().orElse(null);
      }
    };
    var server = io.modelcontextprotocol.modern.server.McpServer.builder()
        .serverInfo(io.modelcontextprotocol.modern.McpSchema.Implementation.builder("java", "1.0.0").build())
        .feature(ToolsFeature.ofSync(repository)).build();
    return HttpServletMcpTransport.builder(server).endpoint("/mcp").build();
  }

  private static McpSyncTool modernTool(Tool tool) {
    var definition = io.modelcontextprotocol.modern.McpSchema.Tool.builder(tool.name(), tool.schema())
        .description(tool.description()).build();
    return McpSyncTool.of(definition, (context, request) -> {
      Said said = run(tool.name(), request.arguments());
      var content = io.modelcontextprotocol.modern.McpSchema.TextContent.builder(said.text()).build();
      return McpSyncResponse.result(io.modelcontextprotocol.modern.McpSchema.CallToolResult.builder()
          .addContent(content).isError(said.isError()).build());
    });
  }

  public static void main(String[] args) throws Exception {
    var tomcat = new Tomcat();
    var base = Files.createTempDirectory("foreign").toString();
    tomcat.setBaseDir(base);
    tomcat.setHostname("127.0.0.1");
    tomcat.setPort(Integer.parseInt(System.getenv("PORT")));
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    var context = tomcat.addContext("", base);
    var servlet = Tomcat.addServlet(context, "mcp", args[0].equals("modern") ? modern() : withSessions());
    servlet.setAsyncSupported(true);
    servlet.setLoadOnStartup(1);
    context.addServletMappingDecoded("/mcp", "mcp");
    tomcat.start();
    tomcat.getServer().await();
  }
}
