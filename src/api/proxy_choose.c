/* Which ways there are to a host. See proxy_choose.h. */
#include "api/proxy_choose.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include "transport/hostname.h"

static size_t length_without_final_dot(const char *name)
{
	size_t n = strlen(name);

	return n && name[n - 1] == '.' ? n - 1 : n;
}

/* "*.example.org" and ".example.org" are what people write for example.org */
static const char *skip_wildcard(const char *domain)
{
	if (domain[0] == '*' && domain[1] == '.')
		return domain + 2;
	return domain[0] == '.' ? domain + 1 : domain;
}

bool bri_proxy_choose_matches(const char *domain, const char *host)
{
	union bri_sockaddr host_address, domain_address;
	size_t host_size, size;

	domain = skip_wildcard(domain);
	if (bri_hostname_classify(host, &host_address) == BRI_HOSTNAME_ADDRESS)
		return bri_hostname_classify(domain, &domain_address) == BRI_HOSTNAME_ADDRESS &&
		       bri_sockaddr_same_host(&host_address, &domain_address);
	size = length_without_final_dot(domain);
	host_size = length_without_final_dot(host);
	if (!size || size > host_size || strncasecmp(host + host_size - size, domain, size))
		return false;
	return size == host_size || host[host_size - size - 1] == '.';
}

static bool is_in(const struct bri_proxy_domains *domains, const char *host)
{
	for (size_t i = 0; i < domains->n; i++) {
		if (bri_proxy_choose_matches(domains->names[i], host))
			return true;
	}
	return false;
}

/* config: a snapshot */
static bool is_for(nw_proxy_config_t config, const char *host)
{
	if (is_in(&config->excluded, host))
		return false;
	return !config->match.n || is_in(&config->match, host);
}

/* Direct is a way when no proxy is for the host, or each of them may be left out. */
static void add_direct(struct bri_proxy_ways *ways, bool first)
{
	size_t at = first ? 0 : ways->n;

	memmove(ways->list + at + 1, ways->list + at, (ways->n - at) * sizeof(ways->list[0]));
	ways->list[at].proxy = NULL;
	ways->n++;
}

int bri_proxy_choose(nw_parameters_t parameters, const char *host, struct bri_proxy_ways *ret)
{
	nw_proxy_config_t configs[BRI_PRIVACY_CONTEXT_PROXIES_MAX], snapshot;
	size_t n = bri_privacy_context_proxies(parameters->privacy_context, configs);
	struct bri_proxy_ways ways = { 0 };
	bool may_fail_over = true;
	int error = 0;

	for (size_t i = 0; i < n && may_fail_over && !error; i++) {
		snapshot = bri_proxy_config_snapshot(configs[i]);
		if (!snapshot) {
			error = -ENOMEM;
		} else if (is_for(snapshot, host)) {
			ways.list[ways.n++].proxy = snapshot;
			may_fail_over = snapshot->failover_allowed;
		} else {
			bri_object_put(snapshot);
		}
	}
	for (size_t i = 0; i < n; i++)
		bri_object_put(configs[i]);
	if (error) {
		bri_proxy_ways_clear(&ways);
		return error;
	}
	if (may_fail_over)
		add_direct(&ways, parameters->prefer_no_proxy);
	*ret = ways;
	return 0;
}

void bri_proxy_ways_clear(struct bri_proxy_ways *ways)
{
	for (size_t i = 0; i < ways->n; i++)
		bri_object_put(ways->list[i].proxy);
	ways->n = 0;
}

bool bri_proxy_ways_have_proxy(const struct bri_proxy_ways *ways)
{
	for (size_t i = 0; i < ways->n; i++) {
		if (ways->list[i].proxy)
			return true;
	}
	return false;
}
