/* Reports: what both forms of their functions come to, and the block forms, a block being a
 * pointer. */
#ifndef BRI_API_REPORT_BLOCKS_H
#define BRI_API_REPORT_BLOCKS_H

#include "api/object.h"
#include "base/callable.h"

void bri_report_access(nw_connection_t c, dispatch_queue_t queue, struct bri_callable call);
void bri_report_collect(
	nw_data_transfer_report_t report, dispatch_queue_t queue, struct bri_callable call);

void nw_connection_access_establishment_report(
	nw_connection_t connection, dispatch_queue_t queue, const void *access_block);
void nw_establishment_report_enumerate_resolutions(
	nw_establishment_report_t report, const void *block);
void nw_establishment_report_enumerate_resolution_reports(
	nw_establishment_report_t report, const void *block);
void nw_establishment_report_enumerate_protocols(
	nw_establishment_report_t report, const void *block);
void nw_data_transfer_report_collect(
	nw_data_transfer_report_t report, dispatch_queue_t queue, const void *collect_block);

#endif
