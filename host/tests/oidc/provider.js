// An OpenID Connect provider in which everybody is who they say they are. Prints its address when it is ready.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'guildhall',
      client_secret: 'a secret between two that nobody else knows',
      redirect_uris: [process.env.REDIRECT_URI],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    // Who signs in as `unverified.x@…` has not shown that the address is theirs.
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: id, email_verified: !id.startsWith('unverified'), name: 'Pat' }),
    }),
    cookies: { keys: ['of a test'] },
    features: { devInteractions: { enabled: true } },
  });
  server.on('request', provider.callback());
  process.stdout.write(`${issuer}\n`);
});
// It ends with the test that started it.
process.stdin.on('end', () => process.exit(0)).resume();
