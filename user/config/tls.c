// SPDX-License-Identifier: GPL-2.0
/* TLS settings of clients (DestinationRule) and servers (Gateway, Sidecar). */
#include <ctype.h>
#include <string.h>
#include "base/strmap.h"
#include "config/gateway.h"
#include "config/policy.h"

#define CONFIG_MAP "configmap://"

/* Says which of the keys stands beside what excludes it. */
static void refuse(struct decoder *d, const struct node *n, const char *const *keys,
		   const char *beside)
{
	for (; *keys; keys++)
		if (is_given(n, *keys))
			decode_error_key(d, n, *keys, "stands beside %s, want only one of them",
					 beside);
}

static void need(struct decoder *d, const struct node *n, const char *key, const char *mode)
{
	if (!is_given(n, key))
		decode_error_key(d, n, key, "is missing, mode %s needs it", mode);
}

/* ---- clients ---- */

static const struct word client_modes[] = {
	{"DISABLE", CLIENT_TLS_DISABLE},
	{"SIMPLE", CLIENT_TLS_SIMPLE},
	{"MUTUAL", CLIENT_TLS_MUTUAL},
	{"ISTIO_MUTUAL", CLIENT_TLS_ISTIO_MUTUAL},
	{0},
};

/* A config map may only be one of the rule's own namespace. */
static void check_config_map(struct decoder *d, const struct node *name)
{
	const char *own = d->object->namespace;
	const char *namespace = name->text + strlen(CONFIG_MAP);
	const char *slash = strchr(namespace, '/');

	if (!slash || slash == namespace || !slash[1] || strchr(slash + 1, '/'))
		decode_error(d, name, "%s is no config map, want configmap://namespace/name",
			     quoted(d, name));
	else if (strncmp(namespace, own, strlen(own)) || namespace + strlen(own) != slash)
		decode_error(d, name, "%s is of another namespace, want one of %s", quoted(d, name),
			     own);
}

static void check_client(struct decoder *d, const struct node *n, const struct client_tls *tls)
{
	static const char *const simple[] = {"caCertificates", "credentialName", "subjectAltNames",
					     NULL};
	static const char *const mutual[] = {"caCertificates", "subjectAltNames", NULL};
	static const char *const files[] = {"clientCertificate", "privateKey", "caCertificates",
					    "caCrl", NULL};

	if (tls->insecure_skip_verify)
		refuse(d, n, tls->mode == CLIENT_TLS_SIMPLE ? simple : mutual,
		       "insecureSkipVerify");
	if (*tls->credential_name) {
		refuse(d, n, files, "credentialName");
		if (!strncmp(tls->credential_name, CONFIG_MAP, strlen(CONFIG_MAP)))
			check_config_map(d, node_get(n, "credentialName"));
	} else if (tls->mode == CLIENT_TLS_MUTUAL) {
		need(d, n, "clientCertificate", "MUTUAL");
		need(d, n, "privateKey", "MUTUAL");
	}
}

static void check_client_tls(struct decoder *d, const struct node *n, void *into)
{
	struct client_tls *tls = into;

	text_fill(&tls->client_certificate);
	text_fill(&tls->private_key);
	text_fill(&tls->ca_certificates);
	text_fill(&tls->ca_crl);
	text_fill(&tls->credential_name);
	text_fill(&tls->sni);
	tls->place = n->key_place;
	if (tls->mode == CLIENT_TLS_SIMPLE || tls->mode == CLIENT_TLS_MUTUAL)
		check_client(d, n, tls);
}

static const struct field client_fields[] = {
	{"caCertificates", INTO(struct client_tls, ca_certificates)},
	{"caCrl", INTO(struct client_tls, ca_crl)},
	{"clientCertificate", INTO(struct client_tls, client_certificate)},
	{"credentialName", INTO(struct client_tls, credential_name)},
	{"insecureSkipVerify", FIELD_BOOL, INTO(struct client_tls, insecure_skip_verify)},
	{"mode", FIELD_WORD, .words = client_modes, INTO(struct client_tls, mode)},
	{"privateKey", INTO(struct client_tls, private_key)},
	{"sni", INTO(struct client_tls, sni)},
	{"subjectAltNames", INTO_LIST(struct client_tls, subject_alt_names)},
	{0},
};
const struct message client_tls = {client_fields, .check = check_client_tls};

/* ---- servers ---- */

/* In the order of enum server_tls_mode. */
static const struct word server_modes[] = {
	{"PASSTHROUGH", SERVER_TLS_PASSTHROUGH},
	{"SIMPLE", SERVER_TLS_SIMPLE},
	{"MUTUAL", SERVER_TLS_MUTUAL},
	{"AUTO_PASSTHROUGH", SERVER_TLS_AUTO_PASSTHROUGH},
	{"ISTIO_MUTUAL", SERVER_TLS_ISTIO_MUTUAL},
	{"OPTIONAL_MUTUAL", SERVER_TLS_OPTIONAL_MUTUAL},
	{0},
};
static const struct word versions[] = {
	{"TLS_AUTO"}, {"TLSV1_0"}, {"TLSV1_1"}, {"TLSV1_2"}, {"TLSV1_3"}, {0},
};

static void check_pair(struct decoder *d, const struct node *n, void *into)
{
	struct tls_pair *pair = into;

	(void)d;
	(void)n;
	text_fill(&pair->certificate);
	text_fill(&pair->private_key);
	text_fill(&pair->ca_certificates);
}

static const struct field pair_fields[] = {
	{"caCertificates", INTO(struct tls_pair, ca_certificates)},
	{"privateKey", INTO(struct tls_pair, private_key)},
	{"serverCertificate", INTO(struct tls_pair, certificate)},
	{0},
};
static const struct message pair = {pair_fields, sizeof(struct tls_pair), check_pair};

static void check_few(struct decoder *d, const struct node *n, const char *key)
{
	const struct node *list = node_get(n, key);

	if (list && list->type == NODE_LIST && (!list->nr || list->nr > 2))
		decode_error(d, list, "has %zu elements, want 1 or 2", list->nr);
}

/* Where the server's certificate comes from: one source at most. */
static void check_sources(struct decoder *d, const struct node *n)
{
	static const char *const sources[] = {"serverCertificate", "credentialName",
					      "credentialNames", "tlsCertificates"};
	const char *first = is_given(n, "serverCertificate") ? NULL
			    : is_given(n, "privateKey")	     ? "privateKey"
							     : NULL;

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		if (!is_given(n, sources[i]))
			continue;
		if (first)
			decode_error_key(d, n, sources[i], "%s is given too, want only one of them",
					 first);
		first = first ? first : sources[i];
	}
}

/* The modes that show a certificate need one. */
static void check_certificate(struct decoder *d, const struct node *n, enum server_tls_mode mode)
{
	const char *name = server_modes[mode].text;
	bool named = is_given(n, "credentialName") || is_given(n, "credentialNames");
	bool own_authorities = true;
	const struct node *list = node_get(n, "tlsCertificates"), *it;

	if (mode == SERVER_TLS_SIMPLE && is_given(n, "caCrl"))
		decode_error_key(d, n, "caCrl", "has no effect in mode SIMPLE, want MUTUAL");
	if (named)
		return;
	node_each(list, it) {
		need(d, it, "serverCertificate", name);
		need(d, it, "privateKey", name);
		own_authorities &= is_given(it, "caCertificates");
	}
	if (!list || !list->nr) {
		need(d, n, "serverCertificate", name);
		need(d, n, "privateKey", name);
		own_authorities = false;
	}
	if (mode != SERVER_TLS_SIMPLE && !own_authorities)
		need(d, n, "caCertificates", name);
}

/* What OpenSSL calls them; those that begin with a sign are expressions of its own. */
static bool is_cipher(const char *name)
{
	static const char *const names[] = {
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
		"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
		"ECDHE-ECDSA-AES128-SHA",	 "ECDHE-RSA-AES128-SHA",
		"ECDHE-ECDSA-AES256-SHA",	 "ECDHE-RSA-AES256-SHA",
		"AES128-GCM-SHA256",		 "AES256-GCM-SHA384",
		"AES128-SHA",			 "AES256-SHA",
		"DES-CBC3-SHA",			 "ALL",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], name))
			return true;
	return !isalnum((unsigned char)*name);
}

/* Keeps the known ones, each once. */
static void put_ciphers(struct decoder *d, const struct node *n, struct server_tls *tls)
{
	const struct node *list = node_get(n, "cipherSuites"), *it;
	struct strmap seen = {0};

	if (!list || list->type != NODE_LIST)
		return;
	tls->nr_cipher_suites = 0;
	node_each(list, it) {
		if (it->type != NODE_STRING)
			continue;
		if (!is_cipher(it->text))
			decode_warning(d, it, "%s is not known, it is passed over", quoted(d, it));
		else if (strmap_put(&seen, it->text, tls))
			decode_warning(d, it, "%s is given twice", quoted(d, it));
		else
			tls->cipher_suites[tls->nr_cipher_suites++] =
				arena_strdup(d->arena, it->text);
	}
	strmap_free(&seen);
}

static const char *version_of(struct decoder *d, const struct node *n, const char *key)
{
	const char *text = text_of(n, key);

	return text && strcmp(text, "TLS_AUTO") ? arena_strdup(d->arena, text) : "";
}

/* The short forms of one certificate and one credential become lists of one. */
static void put_server(struct decoder *d, const struct node *n, struct server_tls *tls)
{
	const char *certificate = text_of(n, "serverCertificate"), *key = text_of(n, "privateKey");
	const char *credential = scalar_of(n, "credentialName");
	struct tls_pair *one;

	if (!tls->nr_pairs && (certificate || key)) {
		one = arena_alloc(d->arena, sizeof(*one));
		*one = (struct tls_pair){arena_strdup(d->arena, certificate ? certificate : ""),
					 arena_strdup(d->arena, key ? key : ""), ""};
		tls->pairs = one;
		tls->nr_pairs = 1;
	}
	if (!tls->nr_credential_names && credential) {
		tls->credential_names = arena_alloc(d->arena, sizeof(*tls->credential_names));
		tls->credential_names[0] = arena_strdup(d->arena, credential);
		tls->nr_credential_names = 1;
	}
	text_fill(&tls->ca_certificates);
	text_fill(&tls->ca_crl);
	text_fill(&tls->ca_cert_credential_name);
	tls->min_version = version_of(d, n, "minProtocolVersion");
	tls->max_version = version_of(d, n, "maxProtocolVersion");
	tls->place = n->key_place;
	put_ciphers(d, n, tls);
}

static void check_server_tls(struct decoder *d, const struct node *n, void *into)
{
	static const char *const all[] = {"caCrl",	     "serverCertificate", "privateKey",
					  "caCertificates",  "tlsCertificates",	  "credentialName",
					  "credentialNames", NULL};
	struct server_tls *tls = into;

	put_server(d, n, tls);
	check_few(d, n, "credentialNames");
	check_few(d, n, "tlsCertificates");
	if ((!strcmp(tls->min_version, "TLSV1_0") || !strcmp(tls->min_version, "TLSV1_1")) &&
	    !is_given(n, "cipherSuites"))
		decode_warning_key(d, n, "minProtocolVersion",
				   "allows %s with no cipher for it, want cipherSuites",
				   tls->min_version);
	if (tls->mode == SERVER_TLS_ISTIO_MUTUAL) {
		refuse(d, n, all + 1, "mode ISTIO_MUTUAL");
		return;
	}
	check_sources(d, n);
	if (tls->mode != SERVER_TLS_PASSTHROUGH && tls->mode != SERVER_TLS_AUTO_PASSTHROUGH) {
		check_certificate(d, n, tls->mode);
		return;
	}
	for (size_t i = 0; all[i]; i++)
		if (is_given(n, all[i]))
			decode_warning_key(d, n, all[i], "is not used in mode %s",
					   server_modes[tls->mode].text);
}

static const struct field server_fields[] = {
	{"caCertCredentialName", INTO(struct server_tls, ca_cert_credential_name)},
	{"caCertificates", INTO(struct server_tls, ca_certificates)},
	{"caCrl", INTO(struct server_tls, ca_crl)},
	{"cipherSuites", INTO_LIST(struct server_tls, cipher_suites)},
	{"credentialName"},
	{"credentialNames", INTO_LIST(struct server_tls, credential_names)},
	{"ecdhCurves", INTO_LIST(struct server_tls, ecdh_curves)},
	{"httpsRedirect", FIELD_BOOL, INTO(struct server_tls, https_redirect)},
	{"insecureSkipVerify", FIELD_BOOL, INTO(struct server_tls, insecure_skip_verify)},
	{"maxProtocolVersion", FIELD_WORD, .words = versions},
	{"minProtocolVersion", FIELD_WORD, .words = versions},
	{"mode", FIELD_WORD, .words = server_modes, INTO(struct server_tls, mode)},
	{"privateKey"},
	{"serverCertificate"},
	{"subjectAltNames", INTO_LIST(struct server_tls, subject_alt_names)},
	{"tlsCertificates", FIELD_MESSAGE, .message = &pair, INTO_LIST(struct server_tls, pairs)},
	{"verifyCertificateHash", INTO_LIST(struct server_tls, certificate_hashes)},
	{"verifyCertificateSpki", INTO_LIST(struct server_tls, spki_hashes)},
	{0},
};
const struct message server_tls = {server_fields, .check = check_server_tls};
