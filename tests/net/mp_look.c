/* See mp_look.h. */
#include "mp_look.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

static void on_subflow(void *context, const struct braid_subflow *subflow)
{
	struct mp_subflows *list = context;

	if (list->count < MP_SUBFLOWS_MAX)
		list->list[list->count++] = *subflow;
}

/* By the address plan of lab.h: 10.(10+i).0.x, fd(10+i)::x. 32: not of a path. */
static uint32_t path_of(const struct sockaddr_storage *address)
{
	char text[INET6_ADDRSTRLEN] = "";
	uint32_t net = 0;

	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

		net = ntohl(in->sin_addr.s_addr) >> 24 == 10
			      ? ntohl(in->sin_addr.s_addr) >> 16 & 0xff
			      : 0;
	} else {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		if (sscanf(text, "fd%" SCNu32 "::", &net) != 1)
			net = 0;
	}
	return net >= 10 && net < 26 ? net - 10 : 32;
}

void mp_look(nw_connection_t connection, bool is_server, struct mp_end *end)
{
	struct mp_subflows now = { 0 };
	uint32_t live = 0, established = 0;

	braid_connection_enumerate_subflows_f(connection, &now, on_subflow);
	for (uint32_t i = 0; i < now.count; i++) {
		uint32_t path = path_of(is_server ? &now.list[i].remote : &now.list[i].local);

		if (now.list[i].state != braid_subflow_state_established)
			continue;
		established++;
		if (path < 32)
			live |= 1u << path;
	}
	end->live = live;
	if (established > end->most_count) {
		end->most = now;
		end->most_count = established;
	}
	if (now.count)
		end->last = now;
	end->manager = (int)braid_connection_get_path_manager(connection);
	end->last_reason = (int)braid_connection_get_multipath_reason(connection) + 1;
}

uint32_t mp_unread(nw_connection_t connection)
{
	nw_protocol_definition_t tcp = nw_protocol_copy_tcp_definition();
	nw_protocol_metadata_t metadata = nw_connection_copy_protocol_metadata(connection, tcp);
	uint32_t bytes = metadata ? nw_tcp_get_available_receive_buffer(metadata) : 0;

	nw_release(metadata);
	nw_release(tcp);
	return bytes;
}

static void copy_path(struct mp_report_path *ret, nw_data_transfer_report_t report, uint32_t i)
{
	nw_interface_t interface = nw_data_transfer_report_copy_path_interface(report, i);

	if (interface)
		snprintf(ret->interface, sizeof(ret->interface), "%s",
			nw_interface_get_name(interface));
	nw_release(interface);
	ret->bytes_in = nw_data_transfer_report_get_received_transport_byte_count(report, i);
	ret->bytes_out = nw_data_transfer_report_get_sent_transport_byte_count(report, i);
	ret->packets_in = nw_data_transfer_report_get_received_ip_packet_count(report, i);
	ret->packets_out = nw_data_transfer_report_get_sent_ip_packet_count(report, i);
	ret->rtt_ms = nw_data_transfer_report_get_transport_smoothed_rtt_milliseconds(report, i);
}

void mp_copy_report(nw_data_transfer_report_t report, struct mp_report *ret)
{
	ret->path_count = nw_data_transfer_report_get_path_count(report);
	for (uint32_t i = 0; i < ret->path_count && i < MP_PATHS_MAX; i++)
		copy_path(&ret->paths[i], report, i);
	ret->app_in =
		nw_data_transfer_report_get_received_application_byte_count(report, NW_ALL_PATHS);
	ret->app_out =
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS);
	ret->all_in =
		nw_data_transfer_report_get_received_transport_byte_count(report, NW_ALL_PATHS);
	ret->all_out = nw_data_transfer_report_get_sent_transport_byte_count(report, NW_ALL_PATHS);
}
