/* `braid cat`: connection parameters from the command line, and what a connection's path promises.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <braid/interface.h>
#include "cli/cat.h"
#include "cli/net.h"

static void set_version(nw_parameters_t parameters, int version)
{
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);
	nw_protocol_options_t ip = nw_protocol_stack_copy_internet_protocol(stack);

	nw_ip_options_set_version(ip, version == 4 ? nw_ip_version_4 : nw_ip_version_6);
	nw_release(ip);
	nw_release(stack);
}

static int set_interface(nw_parameters_t parameters, const char *name)
{
	nw_interface_t interface = braid_interface_create_with_name(name);

	if (!interface)
		return -ENODEV;
	nw_parameters_require_interface(parameters, interface);
	nw_release(interface);
	return 0;
}

nw_parameters_t bri_cat_parameters(struct bri_cat_options *opts)
{
	nw_parameters_configure_protocol_f tls =
		opts->layers.tls ? bri_cat_layers_configure : BRAID_DISABLE_PROTOCOL_F;
	const struct bri_cli_target *local = opts->listen ? &opts->target : &opts->source;
	nw_parameters_t parameters;
	nw_endpoint_t endpoint;

	if (opts->udp)
		parameters = nw_parameters_create_secure_udp_f(
			&opts->layers, tls, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	else
		parameters = nw_parameters_create_secure_tcp_f(
			&opts->layers, tls, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	if (!parameters)
		return NULL;
	if (!opts->udp)
		nw_parameters_set_multipath_service(parameters, opts->service);
	if (bri_cat_layers_add(&opts->layers, parameters) != BRI_EXIT_OK) {
		nw_release(parameters);
		return NULL;
	}
	if (opts->ip_version)
		set_version(parameters, opts->ip_version);
	if (opts->interface && set_interface(parameters, opts->interface) < 0) {
		bri_cli_error("cat", "interface '%s' is gone", opts->interface);
		nw_release(parameters);
		return NULL;
	}
	nw_parameters_set_reuse_local_address(parameters, opts->listen);
	if (*local->host) {
		endpoint = nw_endpoint_create_host(local->host, local->port);
		nw_parameters_set_local_endpoint(parameters, endpoint);
		nw_release(endpoint);
	}
	return parameters;
}

int bri_cat_own_fd(int fd, int mode)
{
	char path[32];
	struct stat info;
	int own;

	/* the position of a file is part of what is shared, and wanted; a socket cannot be opened
	 */
	if (fstat(fd, &info) < 0 || !(S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)))
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own >= 0 ? own : fd;
}

static bool count_interface(void *context, nw_interface_t interface)
{
	unsigned *n = context;

	(void)interface;
	return ++*n < 2;
}

static bool is_loopback(nw_endpoint_t endpoint)
{
	const struct sockaddr *address = endpoint ? nw_endpoint_get_address(endpoint) : NULL;
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (!address)
		return false;
	return address->sa_family == AF_INET
		       ? ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
		       : address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* Connections of this machine with itself have one path; else a listener's peer may have several.
 */
bool bri_cat_may_grow(nw_connection_t connection, bool listening)
{
	nw_path_t path = nw_connection_copy_current_path(connection);
	nw_endpoint_t remote = path ? nw_path_copy_effective_remote_endpoint(path) : NULL;
	bool loopback = is_loopback(remote);
	unsigned n = 0;

	if (path)
		nw_path_enumerate_interfaces_f(path, &n, count_interface);
	nw_release(remote);
	nw_release(path);
	return !loopback && (listening || n > 1);
}
