// An OpenID provider for one test: the npm package oidc-provider, with pages that a script can fill in.
// It reads its settings from the file that it is given, listens on a free port of this machine, says on its first line of output
// where that is, and ends when its standard input does.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , folder, file] = process.argv;
const { Provider } = await import(pathToFileURL(createRequire(join(folder, 'x.js')).resolve('oidc-provider')).href);
const settings = JSON.parse(readFileSync(file, 'utf8'));

const server = createServer();
await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
const issuer = `http://127.0.0.1:${server.address().port}`;

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const page = (title, body) => `<!DOCTYPE html><html lang="en"><head><title>${title}</title></head><body>${body}</body></html>`;

const provider = new Provider(issuer, {
  clients: settings.clients,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { openid: ['sub', 'auth_time', 'amr'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name', 'groups'] },
  conformIdTokenClaims: settings.claimsAtUserInfo,
  pkce: { required: () => true },
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }), // which would refuse the addresses of this machine
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        const filled = form.replace('</form>', '<input type="hidden" name="logout" value="yes"><button>Sign out</button></form>');
        ctx.body = page('Sign out', filled);
      },
      postLogoutSuccessSource(ctx) { ctx.body = page('Signed out', 'You have signed out.'); },
    },
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount(ctx, sub) {
    const person = settings.people.find((p) => p.sub === sub);
    return person && { accountId: sub, claims: () => person.claims };
  },
  // Nobody is asked whether the client may know what it asks for: a company has decided that for its people.
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    if (known) return ctx.oidc.provider.Grant.find(known);
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
});

for (const event of ['authorization.error', 'grant.error', 'end_session.error', 'backchannel.error', 'userinfo.error', 'server_error']) {
  provider.on(event, (ctx, err, ...rest) => { console.error(event, err?.error ?? '', err?.error_description ?? err, rest[0]?.clientId ?? ''); });
}

async function body(req) {
  let text = '';
  for await (const chunk of req) text += chunk;
  return new URLSearchParams(text);
}

// interact asks who somebody is, or takes what they say.
async function interact(req, res) {
  await provider.interactionDetails(req, res); // fails where the browser has begun nothing
  const form = '<form method="post"><input name="login"><input type="password" name="password"><button>Sign in</button></form>';
  if (req.method === 'POST') {
    const said = await body(req);
    const person = settings.people.find((p) => p.login === said.get('login') && p.password === said.get('password'));
    if (person) {
      await provider.interactionFinished(req, res, { login: { accountId: person.sub, amr: ['pwd'] } }, { mergeWithLastSubmission: false });
      return;
    }
  }
  res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
  res.end(page('Sign in', form));
}

const callback = provider.callback();
server.on('request', (req, res) => {
  if (!req.url.startsWith('/interaction/')) {
    callback(req, res);
    return;
  }
  interact(req, res).catch((err) => {
    console.error('interaction', err);
    res.writeHead(400, { 'Content-Type': 'text/plain' });
    res.end('There is nothing to sign in to.');
  });
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
console.log(issuer);
