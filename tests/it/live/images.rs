//! An image that is not there and cannot be fetched.

use super::project::Project;

#[test]
fn an_image_that_cannot_be_pulled_is_told_with_the_way_to_name_another() {
    let Some(mut project) = Project::new("image") else { return };
    // Port 1 (tcpmux) is served nowhere: no registry, whatever the network.
    project.set_env("KDEV_KAFKA_IMAGE", "127.0.0.1:1/kafka:{version}");
    project.configure("");
    let ran = project.try_up(&[]).expect(1);
    ran.says("error: the image 127.0.0.1:1/kafka:4.3.1 cannot be pulled: ").says("connection refused");
    ran.says("while pulling image 127.0.0.1:1/kafka:4.3.1").says("KDEV_KAFKA_IMAGE=");
}
