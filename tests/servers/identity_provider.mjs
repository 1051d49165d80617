// An identity provider for the tests: a certified one, on loopback, whose clients are named after the roles they have.
// It prints its issuer when it is ready. Keys and the port are given, so that a test can start it anew with other keys.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [port, lifetime, ...keys] = process.argv.slice(2);

const jwks = keys.map((named) => {
  const [kid, alg] = named.split(":");
  const made = alg.startsWith("ES")
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...made.privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
});

const clients = ["reader", "writer", "admin", "reader.writer", "stranger"].map((roles) => ({
  client_id: roles,
  client_secret: "secret",
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
}));

const server = createServer();
server.listen(Number(port), "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients,
    clientDefaults: { id_token_signed_response_alg: jwks[0].alg },
    enabledJWA: { idTokenSigningAlgValues: [jwks[0].alg] },
    jwks: { keys: jwks },
    scopes: ["dicom"],
    ttl: { ClientCredentials: Number(lifetime) },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource, client) => ({
          scope: "dicom",
          audience: resource,
          accessTokenTTL: Number(lifetime),
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: jwks[0].alg, kid: jwks[0].kid } },
        }),
      },
    },
    extraTokenClaims: (_, token) => ({
      roles: token.clientId.split("."),
      realm_access: { roles: token.clientId.split(".") },
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
